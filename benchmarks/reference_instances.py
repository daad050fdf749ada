"""The frozen instances, with the stored rate of WMMSE and of the best solution known."""

from pathlib import Path

import numpy as np

from airgraph_models.problems import Beamforming, PowerControl

FOLDER = Path(__file__).parents[1] / "tests" / "data" / "reference"
POWER_CONTROL_SIZES = (5, 10, 20, 30, 50)
BEAMFORMING_SIZES = (10, 50)


def power_control(pairs):
    """Instances, stored WMMSE rates, best of 100 starts."""
    data = np.load(FOLDER / "d2d_gaussian.npz")
    gains = np.abs(data[f"K{pairs}_H"].astype(complex)) ** 2
    instances = [PowerControl.create(gain, noise_power=float(data["sigma2"])) for gain in gains]
    return instances, data[f"K{pairs}_wmmse_rate"], data[f"K{pairs}_wmmse100_rate"]


def beamforming(pairs):
    """Instances, stored WMMSE rates, best of many starts."""
    data = np.load(FOLDER / "miso_interference.npz")
    instances = [Beamforming.create(channel) for channel in data[f"K{pairs}_H"]]
    return instances, data[f"K{pairs}_wmmse_rate"], data[f"K{pairs}_best_rate"]
