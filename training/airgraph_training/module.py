"""The Lightning module: a graph network, its unsupervised loss, its averaged weights and its validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import lightning
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from airgraph_models.gnn.graph_network import GraphNetwork
from airgraph_training.data import Batch, Prepared
from airgraph_training.losses import (
    beamforming_objective,
    cell_free_objective,
    dual_uplink_objective,
    hybrid_objective,
    power_control_objective,
    relative_loss,
)
from airgraph_training.recipes import Recipe
from airgraph_training.schedule import warm_cosine

WARM_UP_STEPS = 100
FINAL_SHARE = 0.01

Objective = Callable[[Tensor, Tensor, Tensor], Tensor]


OBJECTIVES: dict[str, Objective] = {
    "power_control": power_control_objective,
    "beamforming": beamforming_objective,
    "precoding": dual_uplink_objective,
    "cell_free": cell_free_objective,
    "hybrid_precoding": hybrid_objective,
}
"""What each problem maximises."""


class GraphNetworkModule(lightning.LightningModule):
    """Trains a network on the relative objective; what is validated and exported is its moving average.

    Attributes:
        network: The weights that the optimiser moves.
        average: Their exponential moving average.
    """

    def __init__(self, recipe: Recipe, steps: int) -> None:
        """``steps`` is the length of the learning-rate schedule."""
        super().__init__()
        self.network = recipe.architecture.build()
        decay = get_ema_multi_avg_fn(recipe.averaging)  # type: ignore[no-untyped-call]
        self.average = AveragedModel(self.network, multi_avg_fn=decay)
        self._recipe = recipe
        self._steps = steps
        self._objective = OBJECTIVES[recipe.problem]

    def standardise(self, prepared: Sequence[Prepared]) -> None:
        """Takes the training set's feature statistics into both networks, where they scale their inputs at all."""
        graphs = [graph for part in prepared for graph in part.graphs]
        for network in (self.network, self.averaged):
            network.take_statistics(graphs)

    def go_on_from(self, trained: torch.nn.Module) -> None:
        """Takes over the weights and statistics of a trained network of the same sizes."""
        for network in (self.network, self.averaged):
            network.load_state_dict(trained.state_dict())

    def objectives(self, network: torch.nn.Module, batch: Batch) -> Tensor:
        """Weighted sum rate of each instance ``[B]`` under a network's answers."""
        count, nodes = batch.weights.shape
        answers = network(*batch.inputs).reshape(count, nodes, -1)
        return self._objective(answers, batch.channel, batch.weights)

    @property
    def averaged(self) -> GraphNetwork:
        """The averaged network."""
        return cast(GraphNetwork, self.average.module)

    def training_step(self, batches: list[Batch], batch_idx: int) -> Tensor:
        """Mean relative loss over the unions of one step."""
        losses = [relative_loss(self.objectives(self.network, batch)) for batch in batches]
        loss = torch.stack(losses).mean()
        self.log("loss", loss, prog_bar=True, on_step=True, on_epoch=False)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Moves the average."""
        self.average.update_parameters(self.network)

    def validation_step(self, batch: tuple[str, Batch, Tensor], batch_idx: int) -> None:
        """Mean ratio of one group to WMMSE, and the mean over the groups, by which the checkpoint is chosen."""
        name, instances, reference = batch
        ratio = (self.objectives(self.averaged, instances) / reference).mean()
        self.log(f"ratio/{name}", ratio, batch_size=1)
        self.log("ratio/mean", ratio, batch_size=1, prog_bar=True)

    def configure_optimizers(self) -> Any:
        """Adam, with a linear warm-up and a cosine decay over the whole run."""
        optimizer = torch.optim.Adam(self.network.parameters(), lr=self._recipe.learning_rate)
        return warm_cosine(optimizer, self._steps, WARM_UP_STEPS, FINAL_SHARE)
