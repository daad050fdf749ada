"""Random instances for property tests."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from airgraph_models.classical.downlink import downlink_rates
from airgraph_models.classical.linear_precoding import with_sum_power
from airgraph_models.problems import Beamforming, CellFree, HybridPrecoding, Links, PowerControl, PowerModel, Precoding


def random_power_control(
    seed: int, nodes: int, *, sparse: bool = False, weighted: bool = False, snr_db: float = 10.0
) -> PowerControl:
    rng = np.random.default_rng(seed)
    gain = rng.exponential(size=(nodes, nodes))
    common = {
        "weights": rng.uniform(size=nodes) if weighted else 1.0,
        "noise_power": 10 ** (-snr_db / 10) * rng.uniform(0.5, 2.0, nodes),
        "max_power": rng.uniform(0.5, 2.0, nodes),
    }
    if not sparse:
        return PowerControl.create(gain, **common)
    kept = (rng.uniform(size=(nodes, nodes)) < 0.5) | np.eye(nodes, dtype=bool)
    receiver, transmitter = np.nonzero(kept)
    links = Links.create(receiver, transmitter, nodes, nodes)
    return PowerControl.create(gain[receiver, transmitter], links=links, **common)


def random_beamforming(
    seed: int,
    receivers: int,
    antennas: int,
    *,
    transmitters: int | None = None,
    sparse: bool = False,
    weighted: bool = False,
    antenna_limits: bool = False,
) -> Beamforming:
    rng = np.random.default_rng(seed)
    cells = receivers if transmitters is None else transmitters
    shape = (receivers, cells, antennas)
    channel = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    serving = np.arange(receivers) if transmitters is None else rng.integers(0, cells, receivers)
    common = {
        "weights": rng.uniform(size=receivers) if weighted else 1.0,
        "noise_power": rng.uniform(0.05, 0.5, receivers),
        "max_power": rng.uniform(0.5, 2.0, cells),
        "serving_transmitter": serving,
        "max_antenna_power": rng.uniform(0.1, 1.0, (cells, antennas)) if antenna_limits else None,
    }
    if not sparse:
        return Beamforming.create(channel, **common)
    kept = rng.uniform(size=(receivers, cells)) < 0.5
    kept[np.arange(receivers), serving] = True
    receiver, transmitter = np.nonzero(kept)
    links = Links.create(receiver, transmitter, receivers, cells)
    return Beamforming.create(channel[receiver, transmitter], links=links, **common)


@dataclass(frozen=True)
class Downlink:
    """One transmitter and K users, as the classical algorithms take them; sub-bands first where there are any."""

    channel: np.ndarray
    weights: np.ndarray
    noise_power: np.ndarray
    max_power: np.ndarray

    @property
    def arguments(self):
        return self.channel, self.weights, self.noise_power, self.max_power

    def rate(self, precoder):
        """Weighted sum rate ``[...]``."""
        return (self.weights * downlink_rates(self.channel, self.noise_power, precoder)).sum(axis=-1)

    def random_precoder(self, seed):
        """On the budget."""
        rng = np.random.default_rng(seed)
        shape = np.swapaxes(self.channel, -1, -2).shape
        return with_sum_power(rng.standard_normal(shape) + 1j * rng.standard_normal(shape), self.max_power)


def random_downlink(
    seed: int, users: int, antennas: int, *, snr_db: float = 10.0, batch: tuple[int, ...] = ()
) -> Downlink:
    rng = np.random.default_rng(seed)
    shape = (*batch, users, antennas)
    channel = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)
    return Downlink(
        channel=channel,
        weights=rng.uniform(0.2, 1.0, users),
        noise_power=10 ** (-snr_db / 10) * rng.uniform(0.5, 2.0, users),
        max_power=rng.uniform(0.5, 2.0, batch),
    )


def random_precoding(
    seed: int,
    users: int,
    antennas: int,
    *,
    bands: int | None = None,
    snr_db: float = 10.0,
    efficient: bool = False,
    minimum_rate: float = 0.0,
    dtype: type = np.complex128,
) -> Precoding:
    batch = () if bands is None else (bands,)
    downlink = random_downlink(seed, users, antennas, snr_db=snr_db, batch=batch)
    rng = np.random.default_rng(seed)
    energy = {
        "objective": "ee",
        "power_model": PowerModel(rng.uniform(0, 0.2), rng.uniform(0, 2.0), rng.uniform(1, 4)),
        "minimum_rates": minimum_rate * rng.integers(0, 2, users),
    }
    return Precoding.create(
        downlink.channel.astype(dtype),
        weights=downlink.weights,
        noise_power=downlink.noise_power,
        max_power=downlink.max_power,
        **(energy if efficient else {}),
    )


def dense_twin(instance: PowerControl | Beamforming) -> PowerControl | Beamforming:
    """The same instance with its channels in a dense array."""
    assert instance.links is not None
    rx, tx = instance.links.receiver, instance.links.transmitter
    common = {
        "weights": instance.weights,
        "noise_power": instance.noise_power,
        "max_power": instance.max_power,
    }
    if isinstance(instance, PowerControl):
        gain = np.zeros((instance.size, instance.size))
        gain[rx, tx] = instance.gain
        return PowerControl.create(gain, **common)
    channel = np.zeros((instance.size, instance.transmitters, instance.antennas), complex)
    channel[rx, tx] = instance.channel
    return Beamforming.create(
        channel,
        serving_transmitter=instance.serving,
        max_antenna_power=instance.max_antenna_power,
        **common,
    )


seeds = st.integers(0, 2**32 - 1)


@st.composite
def power_controls(draw: st.DrawFn) -> PowerControl:
    return random_power_control(
        draw(seeds),
        draw(st.integers(1, 12)),
        sparse=draw(st.booleans()),
        weighted=draw(st.booleans()),
        snr_db=draw(st.floats(-10, 60)),
    )


@st.composite
def beamformings(draw: st.DrawFn) -> Beamforming:
    receivers = draw(st.integers(1, 8))
    return random_beamforming(
        draw(seeds),
        receivers,
        draw(st.integers(1, 5)),
        transmitters=draw(st.one_of(st.none(), st.integers(1, 4))),
        sparse=draw(st.booleans()),
        weighted=draw(st.booleans()),
        antenna_limits=draw(st.booleans()),
    )


@st.composite
def downlinks(draw: st.DrawFn) -> Downlink:
    return random_downlink(
        draw(seeds), draw(st.integers(1, 8)), draw(st.integers(1, 16)), snr_db=draw(st.floats(-10, 40))
    )


@st.composite
def precodings(draw: st.DrawFn, *, efficient: bool | None = None) -> Precoding:
    return random_precoding(
        draw(seeds),
        draw(st.integers(1, 8)),
        draw(st.integers(1, 16)),
        bands=draw(st.one_of(st.none(), st.integers(1, 3))),
        snr_db=draw(st.floats(-10, 40)),
        efficient=draw(st.booleans()) if efficient is None else efficient,
        minimum_rate=draw(st.sampled_from([0.0, 0.5, 2.0])),
        dtype=draw(st.sampled_from([np.complex64, np.complex128])),
    )


def random_cell_free(seed: int, users: int, access_points: int, *, pilot_length: int | None = None) -> CellFree:
    """Users over six orders of magnitude of fading; pilots shared where there are fewer of them than users."""
    rng = np.random.default_rng(seed)
    fading = 10 ** rng.uniform(-14, -8, (access_points, users))
    length = users if pilot_length is None else pilot_length
    pilots = None if length >= users else rng.integers(0, length, users)
    return CellFree.create(fading, snr=1.5e11, pilots=pilots, pilot_length=length)


@st.composite
def cell_frees(draw: st.DrawFn) -> CellFree:
    users = draw(st.integers(1, 10))
    return random_cell_free(
        draw(seeds), users, draw(st.integers(1, 20)), pilot_length=draw(st.integers(max(1, users // 2), users))
    )


def random_hybrid(
    seed: int, chains: int, each: int, streams: int, structure: str = "partial", dtype: type = np.complex128
) -> HybridPrecoding:
    """An i.i.d. digital precoder of ``each`` antennas a chain."""
    rng = np.random.default_rng(seed)
    shape = (chains * each, streams)
    f_opt = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return HybridPrecoding.create(f_opt.astype(dtype), chains=chains, structure=structure)
