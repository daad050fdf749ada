"""How the time grows with the network: 100 to 10,000 pairs at one density, two antennas, links within 500 m."""

import sys
from pathlib import Path

import numpy as np
from figures import Table, judged
from scipy.spatial import KDTree

from airgraph.v1 import allocator_pb2, problems_pb2, tensor_pb2
from airgraph_models.problems import BEAMFORMING, Beamforming, Links
from airgraph_models.problems.beamforming_features import beamforming_graph
from airgraph_models.problems.links import sparse_neighbours
from airgraph_models.problems.row_table import build_row_table
from airgraph_server.allocation import Allocation, CallScope
from airgraph_server.codec.tensors import encode_tensor
from airgraph_server.metrics import Metrics
from airgraph_training.channels.drops import PUBLISHED_FIELD, fade

sys.path.append(str(Path(__file__).parents[1]))  # where what all benchmarks share lies
from alternately import in_turn

SIZES = (100, 1000, 10_000)
PAIRS_PER_SQUARE_KILOMETRE = 50
REACH = 500.0
MODEL_PRODUCTS = 1000
"""Pairs at which the network is held against its bare matrix products."""


def links_within_reach(seed, pairs):
    """Channels ``[E, 2]``, receivers and transmitters of the links within reach, receiver by receiver."""
    rng = np.random.default_rng(seed)
    side = 1000.0 * (pairs / PAIRS_PER_SQUARE_KILOMETRE) ** 0.5
    transmitters = rng.uniform(0.0, side, (pairs, 2))
    distance, angle = rng.uniform(2.0, 65.0, pairs), rng.uniform(0.0, 2 * np.pi, pairs)
    receivers = transmitters + distance[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    near = KDTree(receivers).sparse_distance_matrix(KDTree(transmitters), REACH, output_type="ndarray")
    near = near[np.lexsort((near["j"], near["i"]))]
    channel = fade(rng, PUBLISHED_FIELD.snr(np.maximum(near["v"], 1.0)), PUBLISHED_FIELD.shadowing, antennas=2)
    return channel.astype(np.complex64), near["i"].astype(np.int32), near["j"].astype(np.int32)


def _request(channel, receiver, transmitter, pairs):
    problem = problems_pb2.Beamforming(
        channel=encode_tensor(channel),
        links=tensor_pb2.Links(receiver=encode_tensor(receiver), transmitter=encode_tensor(transmitter)),
        num_receivers=pairs,
        num_transmitters=pairs,
    )
    return allocator_pb2.AllocateRequest(policy=allocator_pb2.POLICY_LEARNED, beamforming=problem)


def _bare_products(links, architecture):
    """The products that no network of this size can do without, one a layer."""
    hidden, width = architecture["message"]
    rng = np.random.default_rng(0)
    left, right = rng.random((links, hidden), np.float32), rng.random((hidden, width), np.float32)

    def run():
        for _ in range(architecture["layers"]):
            left @ right

    return run


def measure_size(pairs, model, allocation):
    """Links, and seconds ``[5, rounds]`` of network, link table, features, whole path and bare products."""
    channel, receiver, transmitter = links_within_reach(0, pairs)
    request = _request(channel, receiver, transmitter, pairs)
    instance = Beamforming.create(channel, links=Links.create(receiver, transmitter, pairs, pairs))
    rx, tx = instance.links.receiver, instance.links.transmitter
    graph, _ = beamforming_graph(instance)
    inputs = build_row_table([graph]).inputs()
    seconds = in_turn(
        lambda: model.run(inputs, graph.links),
        lambda: sparse_neighbours(rx, tx, pairs),
        lambda: build_row_table([graph]),
        lambda: beamforming_graph(instance),
        lambda: allocation.allocate([request], CallScope()),
        _bare_products(graph.links, model.card.document["architecture"]),
    )
    network, neighbours, rows, features, whole, products = seconds.T
    # The features' time holds that of the neighbours, which they ask for.
    return graph.links, np.stack([network, neighbours + rows, features - neighbours, whole, products])


def growth(settings, registry):
    """Two tables: time a link by size, and a thousand pairs against the bare products."""
    model = registry.find(BEAMFORMING.name, None)[0]
    allocation = Allocation(settings, registry, Metrics())
    measured = {pairs: measure_size(pairs, model, allocation) for pairs in SIZES}
    allocation.close()
    a_link = {pairs: np.median(times, axis=1) / links * 1e9 for pairs, (links, times) in measured.items()}
    rows = [(f"{pairs}", f"{measured[pairs][0]}", *(f"{value:.0f}" for value in a_link[pairs][:4])) for pairs in SIZES]
    spread = [max(a_link[pairs][i] for pairs in SIZES) / min(a_link[pairs][i] for pairs in SIZES) for i in range(4)]
    rows.append(("largest over smallest", "", *(judged(value, "at most", 1.3) for value in spread)))
    by_size = Table(
        "Growth: nanoseconds a link at one density, beamforming by the network alone, two antennas, one thread",
        ("pairs", "links", "network", "link table", "features", "from message to answer"),
        rows,
    )
    links, (network, table, features, _, products) = measured[MODEL_PRODUCTS]
    medians = [np.median(values) * 1e3 for values in (network, products, table, features)]
    ratios = [np.median(values / network) for values in (table, features)]
    against_products = Table(
        f"{MODEL_PRODUCTS} pairs, {links} links: the network over its bare matrix products, and what it reads",
        (
            "network, ms",
            "bare products, ms",
            "network over products",
            "link table, ms",
            "over the network",
            "features, ms",
            "over the network",
        ),
        [
            (
                f"{medians[0]:.1f}",
                f"{medians[1]:.1f}",
                judged(float(np.median(network / products)), "at most", 2.0),
                f"{medians[2]:.2f}",
                judged(float(ratios[0]), "at most", 0.1),
                f"{medians[3]:.2f}",
                f"{ratios[1]:.2f}",
            )
        ],
    )
    return [by_size, against_products]
