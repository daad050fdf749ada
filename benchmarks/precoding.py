"""Precoders of the frozen channels and of 3GPP UMi drops: sum rate of each answer, and the time of each, one core.

Time is processor time of one request through the transport-free core, batch 1, from the raw channel through the checks
to the rounded answer with its provenance: the smallest of some rounds over the instances.
"""

from time import process_time

import numpy as np

from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import PRECODING, Precoding
from airgraph_server.decision.decide import Decider
from airgraph_server.decision.types import Policy, Task
from airgraph_server.metrics import Metrics
from airgraph_server.registry.registry import Registry
from airgraph_server.settings import Settings
from reference_instances import FOLDER

SIZES = ((8, 4), (32, 16), (64, 16), (64, 32))
"""N and K of the frozen channels."""
UMI_SIZES = ((16, 16), (32, 16), (64, 16))
SNRS = (0, 10, 20)
PANELS = {16: (4, 4), 32: (4, 8), 64: (8, 8)}
POLICIES = (Policy.LEARNED, Policy.AUTO, Policy.CLASSICAL)
ROUNDS = 15
CONVERGED = Stopping(500)
COLUMNS = ("channels", "N x K", "dB", "RZF", "network alone", "AUTO", "classical", "ms: alone, AUTO, classical")


def frozen():
    """Channels, noise and best known rates of every frozen cell."""
    stored = np.load(FOLDER / "mu_miso.npz")
    for antennas, users in SIZES:
        channels = stored[f"N{antennas}K{users}_channel"]
        for snr in SNRS:
            best = stored[f"N{antennas}K{users}_S{snr}_best_rate"]
            yield "Rayleigh (stored)", antennas, users, snr, channels, best


def drops():
    """Users of the committed UMi drops at one level, and the best of four WMMSE starts of 500 iterations."""
    sectors = np.load(FOLDER.parent / "channels" / "umi-sample.npz")["channel"]
    for antennas, users in UMI_SIZES:
        rows, columns = PANELS[antennas]
        channels = sectors[:, :users, :rows, :columns].reshape(len(sectors), users, antennas)
        channels = channels / np.sqrt((np.abs(channels) ** 2).mean(axis=-1, keepdims=True))
        for snr in SNRS:
            instances = [Precoding.create(channel, noise_power=10 ** (-snr / 10)) for channel in channels]
            starts = [PRECODING.starts(instance) for instance in instances]
            best = [found.objective for found in PRECODING.refine(instances, starts, CONVERGED)]
            yield "UMi", antennas, users, snr, channels, np.array(best)


def rows(decider, model):
    """One row a kind of channel, size and SNR."""
    for kind, antennas, users, snr, channels, best in (*frozen(), *drops()):
        reached, milliseconds = {}, {}
        for policy in POLICIES:
            rounds = []
            for _ in range(ROUNDS):
                began = process_time()
                # Created anew, so that nothing is kept from the round before, and the checks count.
                found = [
                    decider.decide(
                        [Task(PRECODING, Precoding.create(c, noise_power=10 ** (-snr / 10)), policy, model)]
                    )[0]
                    for c in channels
                ]
                rounds.append((process_time() - began) / len(channels) * 1e3)
            reached[policy] = np.mean([decision.objective for decision in found]) / best.mean()
            milliseconds[policy] = min(rounds)
        closed = np.mean([decision.baseline_objective for decision in found]) / best.mean()
        yield (
            kind,
            f"{antennas} x {users}",
            str(snr),
            *(f"{ratio:.4f}" for ratio in (closed, *reached.values())),
            ", ".join(f"{milliseconds[policy]:.3f}" for policy in POLICIES),
        )


def measure():
    """One table: title, columns, rows."""
    settings = Settings()
    registry = Registry(settings, Metrics())
    registry.load()
    decider = Decider(settings, Metrics())
    model = registry.find("precoding", None)[0]
    title = "Precoding: mean sum rate over the best known (stored, or the best of 4 WMMSE starts), and processor time"
    return [(title, COLUMNS, list(rows(decider, model)))]
