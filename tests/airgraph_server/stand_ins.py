"""Networks whose behaviour a test chooses."""

import numpy as np

from airgraph_models.problems.layouts import LAYOUTS
from airgraph_server.decision.types import ServingModel


class StandInModel(ServingModel):
    """Answers every node with ``output`` (an array a node, or a function of the inputs)."""

    def __init__(self, output=0.5, *, width=1, seconds=0.0, refuses=None, outside=None):
        self.name, self.version, self.layout = "stand-in", "1", "row_table"
        self.output, self.width = output, width
        self.seconds, self.refuses, self.outside = seconds, refuses, outside
        self.batches = []
        self.skips = 0

    def refusal(self, family, instance):
        return self.refuses

    def out_of_domain(self, statistics, nodes):
        return self.outside

    def predicted_seconds(self, links):
        return self.seconds

    def skipped(self):
        self.skips += 1

    def join(self, graphs):
        return LAYOUTS[self.layout](graphs)

    def inputs(self, joined):
        return joined.inputs()

    def run(self, inputs, links):
        self.batches.append(len(inputs["node"]))
        if callable(self.output):
            return self.output(inputs)
        return np.full((len(inputs["node"]), self.width), self.output, np.float32)
