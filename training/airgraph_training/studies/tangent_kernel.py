r"""Tangent kernels of the two-layer networks that paper 002 compares, and how well conditioned they are for a target.

.. math::
    H_{ij} = \mathbb{E}_\theta \Bigl\langle \frac{\partial f(\theta, x_i)}{\partial \theta},
        \frac{\partial f(\theta, x_j)}{\partial \theta} \Bigr\rangle, \qquad
    \kappa = \max_t \frac{\lVert H x(t) \rVert \, \lVert x(t) \rVert}{x(t)^T H x(t)}
        \le \frac{\lambda_\mathrm{max}(H)}{\lambda_\mathrm{min}(H)}

with :math:`x(t) = e^{-Ht} y`, what is left of the target y after time t of gradient descent on squared errors. Source:
paper 002, (5) and theorem 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

FloatArray = npt.NDArray[np.float64]

TIMES = 200
NOTHING = 1e-9
"""Share of a target that counts as nothing."""


class TwoLayerPerceptron(nn.Module):
    r""":math:`f(x) = a^T \mathrm{ReLU}(W x) / \sqrt{m}` of all nodes' features in one vector; Gaussian W and a."""

    def __init__(self, inputs: int, width: int) -> None:
        """For ``inputs`` numbers; ``width`` is m."""
        super().__init__()
        self.first = nn.Parameter(torch.randn(width, inputs, dtype=torch.float64))
        self.second = nn.Parameter(torch.randn(width, dtype=torch.float64))

    def forward(self, nodes: Tensor) -> Tensor:
        """``[n, d]`` to a number."""
        hidden = torch.relu(self.first @ nodes.reshape(-1))
        value: Tensor = self.second @ hidden / len(self.second) ** 0.5
        return value


class TwoLayerGraphNetwork(nn.Module):
    r""":math:`f(x) = \sum_i g(x_i)`, the same two-layer perceptron g at every node, added up over the n nodes."""

    def __init__(self, features: int, width: int) -> None:
        """For ``features`` numbers a node; ``width`` is m."""
        super().__init__()
        self.node = TwoLayerPerceptron(features, width)

    def forward(self, nodes: Tensor) -> Tensor:
        """``[n, d]`` to a number."""
        hidden = torch.relu(nodes @ self.node.first.T)
        value: Tensor = (hidden @ self.node.second).sum() / len(self.node.second) ** 0.5
        return value


def tangent_kernel(network: nn.Module, samples: Tensor) -> FloatArray:
    r"""``[S, S]`` kernel :math:`J J^T` of a network with one output, J its Jacobian by the parameters.

    Args:
        network: Takes one sample.
        samples: ``[S, ...]``.
    """
    parameters = {name: values.detach() for name, values in network.named_parameters()}

    def output(values: dict[str, Tensor], sample: Tensor) -> Tensor:
        answer: Tensor = functional_call(network, values, (sample,))
        return answer

    jacobian = vmap(jacrev(output), in_dims=(None, 0))(parameters, samples)
    flat = torch.cat([block.reshape(len(samples), -1) for block in jacobian.values()], dim=1)
    kernel: FloatArray = (flat @ flat.T).numpy()
    return kernel


@dataclass(frozen=True)
class Conditioning:
    """How easily gradient descent learns a target under a kernel.

    Attributes:
        target: Kappa of the target, theorem 2.
        start: The same at t = 0 alone.
        rate: Speed :math:`y^T H y / y^T y` at which the target is learnt at first, at a step size of one.
        worst: Largest over smallest eigenvalue, the bound for every target.
        time: Until a tenth of the target is left, in units of one over the largest eigenvalue, the largest stable step.
    """

    target: float
    start: float
    rate: float
    worst: float
    time: float


def conditioning(kernel: FloatArray, target: FloatArray) -> Conditioning:
    """Of a kernel ``[S, S]`` and a target ``[S]``, both centred: the mean over the samples is taken as learnt.

    Without that the kernel's largest eigenvector, nearly constant over the samples, hides all others.
    """
    count = len(kernel)
    centre = np.eye(count) - 1.0 / count
    eigenvalues, vectors = np.linalg.eigh(centre @ kernel @ centre)
    # The constant vector, which centring sends to zero, is the first.
    eigenvalues, left = eigenvalues[1:], vectors[:, 1:].T @ target
    largest = eigenvalues[-1]
    times = np.concatenate([[0.0], np.logspace(-1, 4, TIMES)]) / largest
    remaining = np.exp(-np.outer(times, eigenvalues)) * left
    length = np.linalg.norm(remaining, axis=1)
    # Below, rounding errors are all that is left.
    remaining, kept = remaining[length > NOTHING * length[0]], length[length > NOTHING * length[0]]
    kappa = np.linalg.norm(eigenvalues * remaining, axis=1) * kept / (remaining**2 @ eigenvalues)
    learnt = length <= 0.1 * length[0]
    return Conditioning(
        target=float(kappa.max()),
        start=float(kappa[0]),
        rate=float(left**2 @ eigenvalues / (left @ left)),
        worst=float(largest / eigenvalues[0]),
        time=float(times[learnt.argmax()] * largest) if learnt.any() else float("inf"),
    )
