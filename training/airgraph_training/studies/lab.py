"""What studies work with: seeds, test sets, classical denominators and trained networks, kept for the next run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from airgraph_models.classical.best_of_starts import PowerSolver, best_of_random_starts
from airgraph_models.classical.scalar_wmmse import Crosstalk, scalar_wmmse
from airgraph_models.classical.stopping import Stopping
from airgraph_models.classical.sum_rate import weighted_sum_rate
from airgraph_training.studies.dense_fitting import DenseNetwork, Fit, fit_dense
from airgraph_training.studies.populations import Population

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

    def test_set(self, population: Population, pairs: int, count: int) -> Instances:
        """Instances that no training set holds."""
        rng = np.random.default_rng((TEST_SEED, pairs))
        snr, weights = zip(*(population.draw(rng, pairs) for _ in range(count)), strict=True)
        return Instances(np.stack(snr), np.stack(weights)[:, None])

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
        settings = [network.name, network.describe(fit), fit.describe()]
        told = f"{network.label}, K = {fit.pairs}, {fit.population.name}"
        return self.kept(f"{network.name}-{fit.pairs}", settings, module, lambda: fit_dense(module, fit), told)

    def kept(
        self, name: str, settings: list[Any], module: torch.nn.Module, train: Callable[[], None], told: str
    ) -> torch.nn.Module:
        """``module`` as ``train`` leaves it, now or on an earlier visit with the same settings.

        Args:
            name: Of its file.
            settings: All that it depends on, in plain JSON values.
            module: With its initial weights.
            train: Trains it in place.
            told: What is reported to be trained.
        """
        described = json.dumps(settings, sort_keys=True)
        file = self.cache / f"{name}-{hashlib.sha256(described.encode()).hexdigest()[:16]}.pt"
        if file.exists():
            module.load_state_dict(torch.load(file, weights_only=True))
            return module.eval()
        self.report(f"training {told}")
        train()
        self._keep(file, lambda partial: torch.save(module.state_dict(), partial))
        return module.eval()

    def remembered(self, name: str, settings: dict[str, Any], measure: Callable[[], Any]) -> Any:
        """What ``measure`` returns, in plain JSON values; measured now or by an earlier visit with the same settings.

        For what a training leaves besides its network, its curve of test losses say.
        """
        described = json.dumps(settings, sort_keys=True)
        file = self.cache / f"{name}-{hashlib.sha256(described.encode()).hexdigest()[:16]}.json"
        if not file.exists():
            found = json.dumps(measure())
            self._keep(file, lambda partial: partial.write_text(found, encoding="utf-8"))
        return json.loads(file.read_text(encoding="utf-8"))

    def _keep(self, file: Path, write: Callable[[Path], object]) -> None:
        """Writes a file whole or not at all."""
        self.cache.mkdir(parents=True, exist_ok=True)
        partial = file.with_name(f".{file.name}.{os.getpid()}")
        write(partial)
        partial.rename(file)

    @staticmethod
    def network_rate(module: torch.nn.Module, instances: Instances) -> FloatArray:
        """Sum rate ``[n]`` of a network's answers, in float64."""
        with torch.inference_mode():
            snr, weights = torch.from_numpy(instances.snr).float(), torch.from_numpy(instances.weights[:, 0]).float()
            batches = zip(torch.split(snr, BATCH), torch.split(weights, BATCH), strict=True)
            parts = [module(*batch) for batch in batches]
        return instances.rate(torch.cat(parts).double().numpy())
