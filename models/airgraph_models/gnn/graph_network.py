"""What training, export and the model card need of a network: all that is to be written for a new one."""

# No postponed annotations here: TorchScript reads the class's annotations as types.
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from torch import nn


@dataclass(frozen=True)
class Architecture(ABC):
    """Kind and sizes of a network; a frozen dataclass whose fields are the sizes, which the model card lists.

    Attributes:
        layout: Name of the layout of `airgraph_models.problems.layouts` that the network reads.
        title: The kind of network in one line, for the model card.
        paper: Where it is from, for the model card: authors, title, venue, equation.
    """

    layout: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[Mapping[str, str]]

    @abstractmethod
    def build(self) -> "GraphNetwork":
        """The network, with random weights."""


class GraphNetwork(nn.Module):
    """A network that reads a layout and gives an allocation for every node.

    Its ``forward`` takes the tensors of the layout in their order. TorchScript compiles it, and not the methods below.

    Attributes:
        architecture: What it was built by.
    """

    def __init__(self, architecture: Architecture) -> None:
        """Keeps the architecture."""
        super().__init__()
        self.architecture = architecture

    def inference_form(self) -> nn.Module:
        """The same function for the ONNX file, where other arithmetic is faster there; by default itself."""
        return self

    def random_graphs(self, rng: np.random.Generator, nodes: int) -> Sequence[Any]:
        """A random graph of ``nodes`` nodes of every kind that the network reads, one if its layout has one kind.

        An export is traced and compared on them. `airgraph_models.gnn.random_graphs` draws those of every layout.
        """
        raise NotImplementedError

    def take_statistics(self, graphs: Sequence[Any]) -> None:
        """Takes what scales the inputs from the training set; a network that does not scale them does nothing."""

    def feature_statistics(self) -> dict[str, list[float]]:
        """What it took, for the model card."""
        return {}
