"""The figures that the project promises, on the frozen reference instances, through the real server.

Means over the instances of each answer's objective over the stored one of the same instance; the networks are the
shipped ones, one a family for all sizes.
"""

import numpy as np
import pytest

from airgraph_client import Beamforming, Client, PowerControl, Precoding
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import PRECODING
from airgraph_models.problems import Precoding as PrecodingInstance
from airgraph_models.zoo.card import read_card
from airgraph_server.app import Server
from airgraph_server.settings import Settings


@pytest.fixture(scope="module")
def client():
    with Server(Settings(port=0, metrics_port=None)) as server, Client(server.target) as connected:
        yield connected


def power_control(reference, pairs):
    data = np.load(reference / "d2d_gaussian.npz")
    gains = np.abs(data[f"K{pairs}_H"].astype(complex)) ** 2
    instances = [PowerControl(gain, noise_power=float(data["sigma2"])) for gain in gains]
    return instances, data[f"K{pairs}_wmmse_rate"]


def beamforming(reference, pairs):
    data = np.load(reference / "miso_interference.npz")
    return [Beamforming(channel) for channel in data[f"K{pairs}_H"]], data[f"K{pairs}_wmmse_rate"]


def precoding(reference, antennas, users, snr):
    """Rayleigh channels, and the best rates known."""
    data = np.load(reference / "mu_miso.npz")
    name = f"N{antennas}K{users}"
    instances = [Precoding(channel, noise_power=10 ** (-snr / 10)) for channel in data[f"{name}_channel"]]
    return instances, data[f"{name}_S{snr}_best_rate"]


def umi_precoding(reference, rows, columns, snr, users=16):
    """Users of 3GPP UMi drops at one level, and the best of four WMMSE starts of 500 iterations."""
    drops = np.load(reference.parent / "channels" / "umi-sample.npz")["channel"][:, :users, :rows, :columns]
    channels = drops.reshape(len(drops), users, rows * columns)
    channels = channels / np.sqrt((np.abs(channels) ** 2).mean(axis=-1, keepdims=True))
    noise = 10 ** (-snr / 10)
    known = [PrecodingInstance.create(channel, noise_power=noise) for channel in channels]
    best = PRECODING.refine(known, [PRECODING.starts(instance) for instance in known], Stopping(500))
    return [Precoding(channel, noise_power=noise) for channel in channels], np.array([f.objective for f in best])


def ratio(client, instances, stored, **options):
    answers = client.allocate_batch(instances, raise_on_error=True, **options)
    for answer in answers:
        assert answer.constraint_margin >= 0
        if options["policy"] == "auto":
            assert answer.objective >= answer.baseline_objective
            assert answer.fallback_reason in (None, "BEATEN_BY_BASELINE")
    return np.mean([answer.objective / rate for answer, rate in zip(answers, stored, strict=True)])


@pytest.mark.parametrize("make", [power_control, beamforming])
def test_the_figures_are_those_of_the_model_that_its_card_calls_the_default(client, reference, make):
    cards = [read_card(path.parent) for path in Settings().zoo.glob(f"{make.__name__}/*/*/card.json")]
    answer = client.allocate(make(reference, 10)[0][0], policy="learned")
    assert answer.model in {f"{card.name}:{card.version}" for card in cards if card.default}


@pytest.mark.parametrize(("pairs", "least"), [(10, 1.020), (30, 1.015), (50, 1.010)])
def test_the_network_of_paper_001_alone_beats_wmmse_at_power_control(client, reference, pairs, least):
    assert ratio(client, *power_control(reference, pairs), policy="learned", model="wcgcn") >= least


@pytest.mark.parametrize("pairs", [5, 10, 20, 30, 50])
def test_the_network_for_everything_alone_holds_wmmse_at_power_control(client, reference, pairs):
    assert ratio(client, *power_control(reference, pairs), policy="learned") >= 0.99


@pytest.mark.parametrize("pairs", [10, 30, 50])
def test_auto_at_power_control(client, reference, pairs):
    assert ratio(client, *power_control(reference, pairs), policy="auto") >= 1.025


def test_the_network_alone_at_beamforming(client, reference):
    assert ratio(client, *beamforming(reference, 50), policy="learned") >= 0.93


@pytest.mark.parametrize("pairs", [10, 50])
def test_auto_at_beamforming(client, reference, pairs):
    assert ratio(client, *beamforming(reference, pairs), policy="auto") >= 1.0


@pytest.mark.parametrize("size", [(8, 4), (32, 16), (64, 16), (64, 32)], ids=str)
@pytest.mark.parametrize("snr", [0, 10, 20])
def test_precoding_on_rayleigh_channels(client, reference, size, snr):
    for policy in ("learned", "auto"):
        assert ratio(client, *precoding(reference, *size, snr), policy=policy) >= 0.995


@pytest.mark.parametrize("panel", [(4, 8), (8, 8)], ids=str)
@pytest.mark.parametrize("snr", [0, 10, 20])
def test_precoding_on_umi_channels(client, reference, panel, snr):
    instances, best = umi_precoding(reference, *panel, snr)
    assert ratio(client, instances, best, policy="learned") >= 0.97
    assert ratio(client, instances, best, policy="auto") >= 0.995


@pytest.mark.parametrize(("snr", "steps"), [(-10, None), (30, 60)])
def test_precoding_for_as_many_users_as_antennas_at_the_outermost_levels(client, reference, snr, steps):
    """Where most users are to fall silent, and, from more starts, where the ends of many differ most."""
    instances, best = umi_precoding(reference, 4, 4, snr)
    assert ratio(client, instances, best, policy="auto", max_polish_iterations=steps) >= 0.995


@pytest.mark.parametrize("make", [power_control, beamforming])
def test_classical_answers_are_the_papers_wmmse_or_better(client, reference, make):
    instances, stored = make(reference, 50)
    assert ratio(client, instances, stored, policy="classical") >= 0.9999


@pytest.mark.parametrize("make", [power_control, beamforming])
def test_an_answer_in_a_batch_is_the_answer_alone(client, reference, make):
    instances = [make(reference, pairs)[0][i] for i in range(3) for pairs in (10, 50)]
    together = client.allocate_batch(instances, policy="learned", raise_on_error=True)
    for instance, answer in zip(instances, together, strict=True):
        alone = client.allocate(instance, policy="learned")
        name = "power" if make is power_control else "beamformer"
        np.testing.assert_allclose(getattr(answer, name), getattr(alone, name), atol=1e-5)
        # How many share a run is the scheduler's choice, by what they are expected to take.
        assert 1 <= answer.batch_size <= len(instances)
        assert alone.batch_size == 1
