"""The served networks on a GPU, recorded and not, beside one CPU thread; writes docs/gpu.md.

    OMP_NUM_THREADS=1 python benchmarks/gpu.py [--write PAGE]

A thousand two-antenna pairs as in paper 001 (section V), alone and from request to answer through a real server, and
power control of 5 to 50 pairs in batches of 1 to 256 graphs. Both runtimes where both can use the GPU. Then what runs
without a network: WMMSE and the polishers, by batch size (`gpu_iterations.py`).
"""

import argparse
import os
import platform
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import perf_counter

import grpc
import numpy as np
import torch

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc, problems_pb2, tensor_pb2
from airgraph_models.arrays.torch_device import TorchDevice
from airgraph_models.problems import BEAMFORMING, POWER_CONTROL, Beamforming, Links, PowerControl
from airgraph_server.app import Server
from airgraph_server.codec.tensors import encode_tensor
from airgraph_server.registry.model import load_model
from airgraph_server.runtime.base import DeviceUnavailableError
from airgraph_server.settings import Device, RuntimeKind, Settings
from gpu_iterations import iterations
from measure import table
from thousand_pairs import PAIRS, links_within_reach

ZOO = Settings().zoo
BEAMS, POWERS = ZOO / "beamforming" / "wcgcn" / "1", ZOO / "power_control" / "aligned" / "1"
BATCHES = (1, 4, 16, 64, 256)
ROUNDS = 50
KINDS = {RuntimeKind.ONNX: "ONNX Runtime", RuntimeKind.TORCHSCRIPT: "TorchScript"}


def milliseconds(call, rounds=ROUNDS):
    """Median and 99th percentile of a call, after enough of them that its shape has been recorded."""
    for _ in range(5):
        call()
    seconds = np.empty(rounds)
    for i in range(rounds):
        began = perf_counter()
        call()
        seconds[i] = perf_counter() - began
    return np.quantile(seconds, (0.5, 0.99)) * 1e3


def loaded(directory):
    """The model on the GPU by each runtime that can use it, and on the CPU."""
    models = {}
    for kind, title in KINDS.items():
        try:
            models[f"{title}, GPU"] = load_model(directory, Settings(runtime=kind, device=Device.CUDA))
        except DeviceUnavailableError as error:
            print(f"{title}: {error}")
    models["ONNX Runtime, one CPU thread"] = load_model(directory, Settings(device=Device.CPU))
    return models


def thousand():
    """The beamforming problem of a thousand pairs: instance and request."""
    channel, receiver, transmitter = links_within_reach(seed=0)
    problem = problems_pb2.Beamforming(
        channel=encode_tensor(channel),
        links=tensor_pb2.Links(
            receiver=encode_tensor(receiver.astype(np.int32)), transmitter=encode_tensor(transmitter.astype(np.int32))
        ),
        num_receivers=PAIRS,
        num_transmitters=PAIRS,
    )
    request = allocator_pb2.AllocateRequest(policy=allocator_pb2.POLICY_LEARNED, beamforming=problem)
    return Beamforming.create(channel, links=Links.create(receiver, transmitter, PAIRS, PAIRS)), request


def networks(instance):
    """Network time at a thousand pairs: recorded (padded), as it is, and the kernels alone."""
    graph = BEAMFORMING.view(instance).graph
    rows = []
    for title, model in loaded(BEAMS).items():
        joined = model.join([graph])
        inputs, plain = model.inputs(joined), joined.inputs()
        median, late = milliseconds(lambda model=model, inputs=inputs: model.run(inputs, graph.links))
        without = "" if model.device == "cpu" else f"{kernels(model, plain):.3f}"
        rows.append((title, f"{median:.3f}", f"{late:.3f}", without))
    return rows


def kernels(model, inputs):
    """Milliseconds of a run that is not recorded: a new runtime, asked for a shape that it has not seen."""
    directory = ZOO / model.card.problem / model.name / model.version
    kind = RuntimeKind.TORCHSCRIPT if model.runtime == "torchscript" else RuntimeKind.ONNX
    fresh = load_model(directory, Settings(runtime=kind, device=Device.CUDA, recorded_shapes=1))
    seconds = []
    for rows in range(1, 12):
        # One more slot a row each time: never the same shape twice, and never another answer.
        slot = np.minimum(np.arange(inputs["neighbour"].shape[1] + rows), inputs["neighbour"].shape[1] - 1)
        wider = inputs | {"link": inputs["link"][:, slot], "neighbour": inputs["neighbour"][:, slot]}
        began = perf_counter()
        fresh.run(wider, 1)
        seconds.append(perf_counter() - began)
    return float(np.median(seconds) * 1e3)


def through_the_server(request):
    """From request to answer over loopback, and the shares of it."""
    rows = []
    for kind, title in KINDS.items():
        for device in (Device.CUDA, Device.CPU):
            if device is Device.CPU and kind is not RuntimeKind.ONNX:
                continue
            settings = Settings(port=0, metrics_port=None, runtime=kind, device=device, log_level="warning")
            try:
                server = Server(settings)
                server.start()
            except DeviceUnavailableError:
                continue
            options = [("grpc.max_receive_message_length", -1)]
            with grpc.insecure_channel(server.target, options) as channel:
                allocate = allocator_pb2_grpc.AllocatorStub(channel).Allocate
                median, late = milliseconds(lambda allocate=allocate: allocate(request))
                provenance = allocate(request).provenance
            server.stop(0.1)
            where = "one CPU thread" if device is Device.CPU else "GPU"
            spent = provenance.timings
            shares = (spent.decode_seconds, spent.inference_seconds, spent.decision_seconds, spent.total_seconds)
            rows.append((f"{title}, {where}", f"{median:.2f}", f"{late:.2f}", *(f"{1e3 * s:.2f}" for s in shares)))
    return rows


def batches():
    """Milliseconds of one run of a union of many graphs, laid out beforehand."""
    rng = np.random.default_rng(0)
    models = loaded(POWERS)
    rows = []
    for count in BATCHES:
        sizes = rng.integers(5, 51, count)
        instances = [PowerControl.create(rng.exponential(size=(k, k)), noise_power=0.1) for k in sizes]
        row = [str(count)]
        for model in models.values():
            joined = model.join([POWER_CONTROL.view(instance, model.layout).graph for instance in instances])
            inputs = model.inputs(joined)
            median, _ = milliseconds(lambda model=model, inputs=inputs: model.run(inputs, 1), rounds=20)
            row.append(f"{median:.3f} ({1e3 * median / count:.1f} us each)")
        rows.append(tuple(row))
    return ("graphs in the run", *(f"{title}, ms" for title in models)), rows


def main():
    """Measures, prints, and writes where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", type=Path, metavar="PAGE", help="page to write")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    instance, request = thousand()
    gpu = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "no GPU"
    libraries = []
    for name in ("onnxruntime-gpu", "onnxruntime", "torch"):
        try:
            libraries.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    parts = [
        "# On a GPU",
        "",
        f"Written by `python benchmarks/gpu.py --write docs/gpu.md` on {date.today()}: "
        f"{gpu}, {os.cpu_count()} CPU cores, Python {platform.python_version()}, " + ", ".join(libraries) + ".",
        "All times in milliseconds, wall clock, inputs and answers in the host's memory.",
        "",
        table(
            f"{PAIRS} pairs, two antennas: the network alone",
            ("runtime", "median", "99th percentile", "not recorded, median"),
            networks(instance),
        ),
        table(
            f"{PAIRS} pairs, two antennas: unary Allocate, LEARNED, through the server",
            (
                "runtime",
                "median",
                "99th percentile",
                "decode",
                "features and network",
                "decision",
                "total in the server",
            ),
            through_the_server(request),
        ),
        table("Power control, 5 to 50 pairs: one run of many graphs", *batches()),
        table("WMMSE and the polishers: one run of many instances of one size", *iterations(TorchDevice("cuda"))),
    ]
    page = "\n".join(parts)
    print(page)
    if asked.write:
        asked.write.write_text(page)


if __name__ == "__main__":
    main()
