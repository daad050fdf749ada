"""What studies work with: seeds, test sets, classical denominators and trained networks, kept for the next run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from airgraph_models.classical.best_of_starts import PowerSolver, best_of_random_starts
from airgraph_models.classical.scalar_wmmse import Crosstalk, scalar_wmmse
from airgraph_models.classical.stopping import Stopping
from airgraph_models.classical.sum_rate import weighted_sum_rate
from airgraph_training.channels import rayleigh
from airgraph_training.studies.dense_fitting import DenseNetwork, Fit, fit_dense

FloatArray = npt.NDArray[np.float64]

WMMSE_ITERATIONS = 100
BATCH = 64
TEST_SEED = 3_000_017
"""Apart from every training seed."""


@dataclass(frozen=True)
class Instances:
    """Power-control instances of one size, budgets and noise one.

    Attributes:
        snr: ``[n, K, K]``, receiver first.
        weights: ``[n, 1, K]``.
    """

    snr: FloatArray
    weights: FloatArray

    @property
    def ones(self) -> FloatArray:
        """``[n, 1, K]`` of ones: noise, budgets and full power."""
        return np.ones_like(self.weights)

    def rate(self, power: FloatArray) -> FloatArray:
        """Weighted sum rate ``[n]`` of powers ``[n, K]``."""
        crosstalk = Crosstalk.dense(self.snr)
        return weighted_sum_rate(crosstalk, self.weights, self.ones, power[:, None])[:, 0]


@dataclass(frozen=True)
class Lab:
    """One visit to the laboratory.

    Attributes:
        quick: Few samples, small sizes: seconds, to see that a study works. Its figures mean nothing.
        seed: Of the training sets and initial weights.
        cache: Folder of trained networks.
        report: Told what is going on.
    """

    quick: bool
    seed: int
    cache: Path
    report: Callable[[str], None] = print

    def rayleigh_test_set(self, pairs: int, count: int, snr_db: float = 10.0) -> Instances:
        """i.i.d. Rayleigh instances that no training set holds."""
        rng = np.random.default_rng((TEST_SEED, pairs))
        snr = np.stack([np.abs(rayleigh(rng, pairs, pairs)) ** 2 for _ in range(count)])
        return Instances(snr * 10 ** (snr_db / 10), np.ones((count, 1, pairs)))

    def wmmse(self, instances: Instances) -> FloatArray:
        """Sum rate ``[n]`` of WMMSE, 100 iterations from full power."""
        ones = instances.ones
        crosstalk = Crosstalk.dense(instances.snr)
        found = scalar_wmmse(crosstalk, instances.weights, ones, ones, ones, Stopping(WMMSE_ITERATIONS))
        return instances.rate(found.power[:, 0])

    def best_of(self, solver: PowerSolver, instances: Instances, starts: int) -> FloatArray:
        """Sum rate ``[n]`` of the best of ``starts`` random starts of a solver, 100 iterations each."""
        rates = []
        for snr, weights in zip(instances.snr, instances.weights, strict=True):
            one = Instances(snr[None], weights[None])
            found = best_of_random_starts(
                solver,
                Crosstalk.dense(snr),
                weights,
                one.ones[0],
                one.ones[0],
                Stopping(WMMSE_ITERATIONS),
                starts=starts,
                seed=self.seed,
            )
            rates.append(one.rate(found.power)[0])
        return np.array(rates)

    def trained(self, network: DenseNetwork, fit: Fit) -> torch.nn.Module:
        """The network, trained now or by an earlier visit with the same settings."""
        module = network.build(fit)
        described = json.dumps([network.name, network.describe(fit), fit.describe()], sort_keys=True)
        digest = hashlib.sha256(described.encode()).hexdigest()[:16]
        file = self.cache / f"{network.name}-{fit.pairs}-{digest}.pt"
        if file.exists():
            module.load_state_dict(torch.load(file, weights_only=True))
            return module.eval()
        self.report(f"training {network.label}, K = {fit.pairs}")
        fit_dense(module, fit)
        self.cache.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.name}.{os.getpid()}")
        torch.save(module.state_dict(), partial)
        partial.rename(file)
        return module.eval()

    @staticmethod
    def network_rate(module: torch.nn.Module, instances: Instances) -> FloatArray:
        """Sum rate ``[n]`` of a network's answers, in float64."""
        with torch.inference_mode():
            snr, weights = torch.from_numpy(instances.snr).float(), torch.from_numpy(instances.weights[:, 0]).float()
            batches = zip(torch.split(snr, BATCH), torch.split(weights, BATCH), strict=True)
            parts = [module(*batch) for batch in batches]
        return instances.rate(torch.cat(parts).double().numpy())
