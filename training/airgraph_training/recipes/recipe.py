"""What a recipe says."""

from __future__ import annotations

from dataclasses import dataclass, replace

from airgraph_training.data import SampleGroup


@dataclass(frozen=True)
class Recipe:
    """One training run, without its seed.

    Attributes:
        name: What `airgraph-train fit` calls it.
        problem: Problem family.
        model: Name in the zoo.
        version: Counting number as text.
        description: One sentence for the model card.
        antennas: 0 for power control, else antennas a transmitter.
        message: Hidden and output width of MLP1.
        update: Hidden width of MLP2.
        memory: Width of the hidden state beside the allocation.
        layers: Layers, all with the same weights.
        training: The training set.
        validation: Groups to select the checkpoint by; drawn by another seed.
        stretch: Groups of more pairs than the training set has. They are only measured, and the domain of the model
            card reaches as far as they do.
        epochs: Passes over the training set.
        learning_rate: Peak; a short warm-up before it, a cosine to 1% after it.
        links_per_batch: Links of one union; instances of one size fill it.
        batches_per_step: Unions whose gradients are summed before a step.
        averaging: Decay of the exponential moving average of the weights that is validated and exported.
        gradient_norm: Gradients are scaled down to this norm.
    """

    name: str
    problem: str
    model: str
    version: str
    description: str
    antennas: int
    message: tuple[int, int]
    update: int
    memory: int
    layers: int
    training: tuple[SampleGroup, ...]
    validation: tuple[SampleGroup, ...]
    stretch: tuple[SampleGroup, ...]
    epochs: int
    learning_rate: float
    links_per_batch: int
    batches_per_step: int
    averaging: float = 0.998
    gradient_norm: float = 1.0

    @property
    def samples(self) -> int:
        """Training samples in all."""
        return sum(group.count for group in self.training)

    def quick(self) -> Recipe:
        """A few small samples of each group and two epochs: seconds, to try the machinery out."""

        def few(groups: tuple[SampleGroup, ...]) -> tuple[SampleGroup, ...]:
            return tuple(replace(g, count=4, pairs=min(g.pairs, 6)) for g in groups)

        return replace(self, training=few(self.training), validation=few(self.validation), stretch=(), epochs=2)
