"""Runs the serving benchmark and writes docs/serving.md.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/serving/measure.py [--seconds 8] [--write]

Client and servers share the machine; what is compared runs on the same network and the same mix of sizes, by turns.
MLServer and Ray Serve run where AIRGRAPH_MLSERVER_PYTHON and AIRGRAPH_RAY_PYTHON name the interpreters of environments
that have them (`make bench` makes both).
"""

import argparse
import os
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path

import processes
import rates
from against_echo import share
from growth import growth

from airgraph_models.problems import POWER_CONTROL
from airgraph_server.metrics import Metrics
from airgraph_server.registry.registry import Registry
from airgraph_server.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"
HEAD = """# Serving

Written by `make bench` on {today}: {machine}, {cores} cores shared by client and server, Python {python}, grpcio
{grpcio}, onnxruntime {onnxruntime}. Load average before: {load:.1f}. Model {model} where nothing else is said, LEARNED:
the network's projected answer, which is what a general-purpose server would give. Each goal stands beside its figure.
Ratios are taken within one run, of what took turns; absolute figures hold for that machine only. On a GPU:
[gpu.md](gpu.md).
"""
OF_PEERS = """MLServer is a custom runtime with gRPC and no parallel workers, Ray Serve a deployment of one replica with
its gRPC ingress, both as their documentation shows, with AirGraph's session options. Their own batching joins tensors
along the first axis, which cannot join graphs, and is off. Where a message holds 64 instances, the client has built the
features and joined them before the clock runs; AirGraph does both, checks every power and rates it, within it.
"""


def sections(asked):
    """The tables, one by one."""
    settings = Settings(log_level="error")
    registry = Registry(settings, Metrics())
    registry.load()
    model = registry.find(POWER_CONTROL.name, None)[0]
    network = settings.zoo / POWER_CONTROL.name / model.name / model.version / "model.onnx"
    matrices = rates.mix()
    with processes.airgraph() as target:
        yield share(target, model), ""
        yield rates.throughput(target, matrices, asked.seconds), ""
        yield rates.overload(target, matrices, asked.seconds)
        yield rates.peers(target, model, network, matrices, asked.seconds), OF_PEERS
    for table in growth(settings, registry):
        yield table, ""


def main():
    """Measures, prints, and writes where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8.0, help="of each load")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    asked = parser.parse_args()
    registry = Registry(Settings(), Metrics())
    registry.load()
    model = registry.find(POWER_CONTROL.name, None)[0]
    parts = [
        HEAD.format(
            today=date.today(),
            machine=platform.machine(),
            cores=os.cpu_count(),
            python=platform.python_version(),
            grpcio=version("grpcio"),
            onnxruntime=version("onnxruntime"),
            load=os.getloadavg()[0],
            model=f"{POWER_CONTROL.name}/{model.name}",
        )
    ]
    for table, note in sections(asked):
        if table is not None:
            parts.append(table.markdown() + (f"\n{note}" if note else ""))
            print(parts[-1], flush=True)
    if asked.write:
        PAGE.write_text("\n".join(parts))
        print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
