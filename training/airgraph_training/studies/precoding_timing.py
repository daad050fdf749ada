"""CPU time of one precoder: a network in ONNX Runtime or a classical algorithm, one instance, one thread."""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable

import numpy as np
import onnxruntime as ort
import torch
from torch import nn

from airgraph_models.classical.linear_precoding import regularised_zero_forcing, with_equal_power
from airgraph_models.classical.precoding_wmmse import precoding_wmmse
from airgraph_models.classical.stopping import Stopping
from airgraph_training.export import OPSET
from airgraph_training.studies.precoding_sets import Downlinks, real_pairs

SERVED = Stopping(500, tolerance=1e-4)
"""WMMSE as it is timed: until an iteration gains under a ten-thousandth."""
SECONDS = 0.3
"""Spent on each timing."""


def onnx_precoder(network: nn.Module, users: int, antennas: int) -> ort.InferenceSession:
    """The network in ONNX Runtime on one thread, for instances of one size."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network.eval(),
            torch.ones(1, users, antennas, 2),  # type: ignore[arg-type]  # one tensor is taken as a tuple of one
            stream,  # type: ignore[arg-type]  # a stream is taken, though the annotation forgets it
            input_names=["channel"],
            opset_version=OPSET,
            dynamo=False,
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(stream.getvalue(), options, providers=["CPUExecutionProvider"])


def milliseconds(answer: Callable[[Downlinks], object], instances: Downlinks, seconds: float = SECONDS) -> float:
    """Median CPU time over the instances, one after the other, each the best of its repeats."""
    each = [Downlinks(instances.channel[i : i + 1]) for i in range(len(instances.channel))]
    best = np.full(len(each), np.inf)
    answer(each[0])
    end = time.perf_counter() + seconds
    while not np.isfinite(best).all() or time.perf_counter() < end:
        for i, one in enumerate(each):
            begin = time.thread_time()
            answer(one)
            best[i] = min(best[i], time.thread_time() - begin)
    return float(1e3 * np.median(best))


def network_milliseconds(network: nn.Module, instances: Downlinks, seconds: float = SECONDS) -> float:
    """Of a network, from complex channels to its precoder."""
    session = onnx_precoder(network, *instances.channel.shape[1:])
    return milliseconds(lambda one: session.run(None, {"channel": real_pairs(one.channel).numpy()}), instances, seconds)


def classical_milliseconds(instances: Downlinks, seconds: float = SECONDS) -> dict[str, float]:
    """Of RZF, of reduced and of full WMMSE from RZF."""

    def rzf(one: Downlinks) -> np.ndarray:
        return with_equal_power(regularised_zero_forcing(one.channel, one.noise, one.budget), one.budget)

    def full(one: Downlinks) -> object:
        return precoding_wmmse(one.channel, one.noise, one.noise, one.budget, rzf(one), SERVED)

    few = Downlinks(instances.channel[:3])
    return {
        "RZF": milliseconds(rzf, instances, seconds),
        "R-WMMSE": milliseconds(lambda one: one.wmmse(rzf(one), SERVED), instances, seconds),
        "WMMSE": milliseconds(full, few, seconds),
    }
