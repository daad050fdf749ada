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
ROUNDS = {Policy.LEARNED: 15, Policy.AUTO: 15, Policy.CLASSICAL: 3}
"""Of each policy; its rate is the same in all."""
CONVERGED = Stopping(500)
COLUMNS = ("channels", "N x K", "dB", "RZF", "network alone", "AUTO", "classical", "ms: RZF, alone, AUTO, classical")


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


def milliseconds(answer, channels, rounds):
    """Processor time of one answer, and the answers of the last round."""
    times = []
    for _ in range(rounds):
        began = process_time()
        found = [answer(channel) for channel in channels]
        times.append((process_time() - began) / len(channels) * 1e3)
    return min(times), found


def rows(decider, model):
    """One row a kind of channel, size and SNR."""
    for kind, antennas, users, snr, channels, best in (*frozen(), *drops()):

        def created(channel, noise=10 ** (-snr / 10)):
            # Anew every time, so that nothing is kept from the round before, and the checks count.
            return Precoding.create(channel, noise_power=noise)

        times, rates = [milliseconds(lambda channel: PRECODING.baseline(created(channel)), channels, 15)[0]], []
        for policy, rounds in ROUNDS.items():
            time, found = milliseconds(
                lambda channel, policy=policy: decider.decide([Task(PRECODING, created(channel), policy, model)])[0],
                channels,
                rounds,
            )
            times.append(time)
            rates.append(np.mean([decision.objective for decision in found]) / best.mean())
        closed = np.mean([decision.baseline_objective for decision in found]) / best.mean()
        yield (
            kind,
            f"{antennas} x {users}",
            str(snr),
            *(f"{ratio:.4f}" for ratio in (closed, *rates)),
            ", ".join(f"{time:.3f}" for time in times),
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
