r"""Drops of 3GPP TR 38.901 urban microcells (UMi): one transmitter, users in its sector, path loss and shadowing.

User k's channel at the carrier is the sum over its paths, :math:`h_{kn} = \sum_l a_{knl}`: in the standard's
coefficients (7.5-22 and 7.5-29) the random initial phases stand for those of the delays. The transmitter is a panel
of 8 x 16 elements, half a wavelength apart, at 3.5 GHz; smaller arrays are corners of it.

`generate` needs the package ``sionna-no-rt`` (the extra ``channels``), which takes seconds to import and is used
nowhere else: its drops are kept in a file, and `UmiDrops` reads that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from airgraph_training.channels.rayleigh import Complex128Array

CARRIER_FREQUENCY = 3.5e9
ROWS, COLUMNS = 8, 16
USERS = 32
PANELS = {4: (2, 2), 8: (2, 4), 16: (4, 4), 32: (4, 8), 64: (8, 8), 128: (8, 16)}
"""Rows and columns of the corner that makes an array of so many antennas."""
BATCH = 8
FOLDER = Path("runs/channels")
"""Where the command keeps drops and the training looks for them."""
SPAN_DB = 50.0
"""Users weaker than the drop's strongest by more than this are raised to it: no scheduler would pair them."""


@dataclass(frozen=True)
class UmiDrops:
    """Many drops, in memory.

    Attributes:
        channel: ``[D, U, 8, 16]`` complex64, a drop's users by the panel's rows and columns; amplitudes over the
            drop's root mean square.
        name: Where they are from.
    """

    channel: npt.NDArray[np.complex64]
    name: str

    @classmethod
    def load(cls, file: Path) -> UmiDrops:
        """Drops of a file that `write` made.

        Raises:
            FileNotFoundError: There is none; the message has the command that makes it.
        """
        if not file.exists():
            raise FileNotFoundError(f"{file} does not exist; `airgraph-train channels umi --name {file.name}` makes it")
        with np.load(file) as stored:
            return cls(stored["channel"], file.name)

    def draw(self, rng: np.random.Generator, users: int, antennas: int, kept: float = 1.0) -> Complex128Array:
        """``[users, antennas]``: users of one drop at a corner of its panel, mean ``|h|^2`` of one over all entries.

        Args:
            rng: Chooses the drop and its users.
            users: At most `USERS`.
            antennas: A size in `PANELS`.
            kept: Share of the users' levels in dB, over their mean, that is kept: 1 leaves near and far users as they
                are, 0 levels them.
        """
        rows, columns = PANELS[antennas]
        drop = self.channel[rng.integers(len(self.channel))]
        chosen = drop[rng.permutation(drop.shape[0])[:users], :rows, :columns].reshape(users, antennas)
        wide: Complex128Array = chosen.astype(np.complex128)
        wide *= ((np.abs(wide) ** 2).mean(axis=-1, keepdims=True)) ** ((kept - 1.0) / 2)
        wide /= np.sqrt((np.abs(wide) ** 2).mean())
        return wide


@cache
def kept_drops(name: str) -> UmiDrops:
    """The drops of a file in `FOLDER`, read once."""
    return UmiDrops.load(FOLDER / name)


def generate(seed: int, drops: int) -> npt.NDArray[np.complex64]:
    """Draws ``drops`` sectors of `USERS` users: ``[D, U, 8, 16]``, each over its root mean square.

    Raises:
        ImportError: ``sionna-no-rt`` is not installed.
    """
    # Seconds to import, and an extra of its own.
    import torch
    from sionna.phy import config
    from sionna.phy.channel import gen_single_sector_topology
    from sionna.phy.channel.tr38901 import PanelArray, UMi

    config.device = "cpu"
    config.seed = seed
    common = {"polarization": "single", "polarization_type": "V", "carrier_frequency": CARRIER_FREQUENCY}
    panel = PanelArray(num_rows_per_panel=ROWS, num_cols_per_panel=COLUMNS, antenna_pattern="38.901", **common)
    single = PanelArray(num_rows_per_panel=1, num_cols_per_panel=1, antenna_pattern="omni", **common)
    model = UMi(
        carrier_frequency=CARRIER_FREQUENCY, o2i_model="low", ut_array=single, bs_array=panel, direction="downlink"
    )
    parts = []
    for _ in range(0, drops, BATCH):
        model.set_topology(*gen_single_sector_topology(batch_size=BATCH, num_ut=USERS, scenario="umi"))
        with torch.inference_mode():
            paths, _ = model(num_time_samples=1, sampling_frequency=1.0)
        # [BATCH, users, 1, 1, antennas, paths, 1]; the panel numbers its elements column by column.
        flat = paths.sum(dim=-2)[:, :, 0, 0, :, 0].cpu().numpy().astype(np.complex128)
        parts.append(np.swapaxes(flat.reshape(BATCH, USERS, COLUMNS, ROWS), -1, -2))
    channel = np.concatenate(parts)[:drops]
    power = (np.abs(channel) ** 2).mean(axis=(-2, -1), keepdims=True)
    floor = power.max(axis=1, keepdims=True) * 10 ** (-SPAN_DB / 10)
    channel = channel * np.sqrt(np.maximum(power, floor) / power)
    channel /= np.sqrt((np.abs(channel) ** 2).mean(axis=(1, 2, 3), keepdims=True))
    return np.asarray(channel, np.complex64)


def write(file: Path, seed: int, drops: int) -> None:
    """Keeps the drops of a seed in a file, whole or not at all."""
    channel = generate(seed, drops)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.stem}.partial.npz")
    np.savez_compressed(partial, channel=channel)
    partial.rename(file)
