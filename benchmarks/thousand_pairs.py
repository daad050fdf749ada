"""A thousand pairs at the density of fifty in a square kilometre, two antennas, links within 500 m, one thread.

From raw links to beams: the transport-free core, message bytes in and out, against an eager torch-geometric graph
of the same weights. And the network alone against its three bare matrix products.
"""

from dataclasses import fields

import numpy as np
import torch

from airgraph.v1 import allocator_pb2, problems_pb2, tensor_pb2
from airgraph_models.gnn.wcgcn import WCGCN, WCGCNArchitecture
from airgraph_models.gnn.wcgcn_reference import WCGCNReference
from airgraph_models.problems import BEAMFORMING, Beamforming, Links
from airgraph_models.problems.links import sparse_neighbours
from airgraph_models.problems.row_table import build_row_table
from airgraph_server.allocation import Allocation, CallScope
from airgraph_server.codec.tensors import decode_tensor, encode_tensor
from airgraph_server.metrics import Metrics
from airgraph_server.registry.registry import Registry
from airgraph_server.settings import Settings
from airgraph_training.channels import PUBLISHED_FIELD, drop_pairs
from alternately import in_turn
from eager_graph import link_graph, published_graph, run

PAIRS = 1000
SIDE = 1000.0 * (PAIRS / 50) ** 0.5
REACH = 500.0


def links_within_reach(seed):
    """Channels ``[E, 2]``, receivers and transmitters of the links within reach."""
    dropped = drop_pairs(np.random.default_rng(seed), PAIRS, SIDE, PUBLISHED_FIELD, antennas=2)
    receiver, transmitter = np.nonzero(dropped.distance < REACH)
    return dropped.channel[receiver, transmitter].astype(np.complex64), receiver, transmitter


def reference_network(zoo):
    """The served weights as plain message passing."""
    model = registry_model(zoo)
    sizes = model.card.document["architecture"]
    known = {field.name: sizes[field.name] for field in fields(WCGCNArchitecture)}
    known["message"] = tuple(known["message"])
    network = WCGCN(WCGCNArchitecture(**known))
    script = torch.jit.load(zoo / "beamforming" / model.name / model.version / "model.pt")
    network.load_state_dict(script.state_dict())
    return WCGCNReference(network.eval()), known["message"]


def registry_model(zoo):
    """The default beamforming model of a zoo."""
    registry = Registry(Settings(zoo=zoo), Metrics())
    registry.load()
    return registry.find("beamforming", None)[0]


def measure():
    """Two tables: title, columns, rows."""
    torch.set_num_threads(1)
    settings = Settings()
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
    registry = Registry(settings, Metrics())
    registry.load()
    allocation = Allocation(settings, registry, Metrics())
    network, (hidden, width) = reference_network(settings.zoo)
    raw = (channel, receiver, transmitter, PAIRS)

    def core():
        return allocation.allocate([request], CallScope())[0]

    instance = Beamforming.create(channel, links=Links.create(receiver, transmitter, PAIRS, PAIRS))
    graph = link_graph(*raw)
    rates = [
        BEAMFORMING.objective(instance, beams.astype(complex))
        for beams in (
            decode_tensor("beamformer", core().beamforming.beamformer),
            run(network, *published_graph(*raw)).numpy(),
            run(network, *graph).numpy(),
        )
    ]
    path = in_turn(core, lambda: published_graph(*raw), lambda: link_graph(*raw), lambda: run(network, *graph))
    ours, published, vectorised, running = np.median(path, axis=0) * 1e3

    model = registry.find("beamforming", None)[0]
    view = BEAMFORMING.view(instance)
    ends = instance.links.receiver, instance.links.transmitter
    table = build_row_table([view.graph])
    links = view.graph.neighbour.size
    rng = np.random.default_rng(0)
    left = rng.random((links, hidden), np.float32)
    right = rng.random((hidden, width), np.float32)

    def bare():
        for _ in range(network.network.layers):
            left @ right

    alone = in_turn(
        lambda: model.run(table.inputs(), links),
        bare,
        lambda: (sparse_neighbours(*ends, PAIRS), build_row_table([view.graph])),
        lambda: build_row_table([BEAMFORMING.view(instance).graph]),
    )
    net, products, build, everything = np.median(alone, axis=0) * 1e3
    return [
        (
            f"From {receiver.size} raw links of {PAIRS} pairs to beams by the network alone: core {ours:.1f} ms",
            (
                "eager torch-geometric, graph built",
                "building, ms",
                "normalising and running, ms",
                "over the core",
                "sum rate",
            ),
            [
                (
                    name,
                    f"{building:.1f}",
                    f"{running:.1f}",
                    f"{np.median((path[:, column] + path[:, 3]) / path[:, 0]):.2f}",
                    f"{rate:.2f} (core: {rates[0]:.2f})",
                )
                for name, building, column, rate in (
                    ("over dense arrays, as published", published, 1, rates[1]),
                    ("over the links", vectorised, 2, rates[2]),
                )
            ],
        ),
        (
            f"The network at {PAIRS} pairs over its {network.network.layers} bare products [{links}, {hidden}] x "
            f"[{hidden}, {width}]",
            (
                "network, ms",
                "bare products, ms",
                "ratio",
                "link table, ms",
                "over the network",
                "and features, ms",
            ),
            [
                (
                    f"{net:.1f}",
                    f"{products:.1f}",
                    f"{np.median(alone[:, 0] / alone[:, 1]):.2f}",
                    f"{build:.1f}",
                    f"{np.median(alone[:, 2] / alone[:, 0]):.2f}",
                    f"{everything:.1f}",
                )
            ],
        ),
    ]
