"""What a recipe says."""

from __future__ import annotations

from dataclasses import dataclass, replace

from airgraph_models.gnn.graph_network import Architecture
from airgraph_training.data import SampleGroup

QUICK_GROUPS = 8
"""About so many of a recipe's groups are enough to try the machinery out."""


@dataclass(frozen=True)
class Recipe:
    """One training run, without its seed.

    Attributes:
        name: What `airgraph-train fit` calls it.
        problem: Problem family.
        model: Name in the zoo.
        version: Counting number as text.
        description: One sentence for the model card.
        antennas: 0 for power control, cell-free networks and, as any number will do, precoding of both kinds; else
            antennas a transmitter.
        architecture: Kind and sizes of the network.
        default: Whether the exported model answers where no model is pinned.
        training: The training set, or what each epoch draws anew where ``fresh``.
        validation: Groups to select the checkpoint by; drawn by another seed.
        stretch: Groups of more pairs than the training set has. They are only measured, and the domain of the model
            card reaches as far as they do.
        epochs: Passes over the training set.
        learning_rate: Peak; a short warm-up before it, a cosine to 1% after it.
        links_per_batch: Links of one union; instances of one size fill it.
        nodes_per_batch: Nodes of one union at most.
        fresh: Whether every epoch draws new samples, by seed and epoch.
        batches_per_step: Unions whose gradients are summed before a step.
        goes_on_from: Recipe whose trained weights this one starts with; None for random ones.
        averaging: Decay of the exponential moving average of the weights that is validated and exported.
        gradient_norm: Gradients are scaled down to this norm.
    """

    name: str
    problem: str
    model: str
    version: str
    description: str
    antennas: int
    architecture: Architecture
    default: bool
    training: tuple[SampleGroup, ...]
    validation: tuple[SampleGroup, ...]
    stretch: tuple[SampleGroup, ...]
    epochs: int
    learning_rate: float
    links_per_batch: int
    batches_per_step: int
    nodes_per_batch: int = 4000
    fresh: bool = False
    goes_on_from: str | None = None
    averaging: float = 0.998
    gradient_norm: float = 1.0

    @property
    def samples(self) -> int:
        """Training samples of an epoch."""
        return sum(group.count for group in self.training)

    def quick(self) -> Recipe:
        """A few small samples of each group and two epochs: seconds, to try the machinery out.

        Groups that need a file of drops are left out; chains stay as many, because they must divide the antennas.
        """

        def few(groups: tuple[SampleGroup, ...]) -> tuple[SampleGroup, ...]:
            drawn = [group for group in groups if group.drops is None]
            spread = drawn[:: max(1, len(drawn) // QUICK_GROUPS)]
            return tuple(replace(g, count=4, pairs=g.pairs if g.streams else min(g.pairs, 6)) for g in spread)

        return replace(self, training=few(self.training), validation=few(self.validation), stretch=(), epochs=2)
