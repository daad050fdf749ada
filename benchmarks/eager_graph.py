"""The same answer as a researcher's script computes it: torch-geometric, eager, from links to beams.

Two ways to build the graph. `published_graph` does as the published code of paper 001 does: channels in a dense
``[K, K, N]`` array, features and their normalisation over all of it, then the entries within reach become edges.
`link_graph` is vectorised over the links alone, the two directions of each pair joined by `coalesce`. Both make the
features of the served network; running is its reference, plain message passing with the same weights.
"""

import numpy as np
import torch
from torch_geometric.data import Data
from torch_geometric.utils import coalesce


def mirrors(direct):
    """Reflections that carry each maximum-ratio beam onto the first axis, from direct channels ``[K, N]``."""
    mirror = direct.conj() / torch.linalg.vector_norm(direct, dim=1, keepdim=True)
    mirror = torch.cat([mirror[:, :1] * (1 + 1 / mirror[:, :1].abs()), mirror[:, 1:]], dim=1)
    return mirror * (2**0.5 / torch.linalg.vector_norm(mirror, dim=1, keepdim=True))


def levels(channel, mirror):
    """Channels ``[..., N]`` in their transmitters' frames, first component real, norms compressed."""
    turned = channel - (channel * mirror).sum(dim=-1, keepdim=True) * mirror.conj()
    turned = turned * torch.exp(-1j * torch.angle(turned[..., :1]))
    norm = torch.linalg.vector_norm(turned, dim=-1, keepdim=True)
    return turned * (torch.log1p(norm) / norm.clamp(min=1e-30))


def as_real(turned):
    """``[..., N]`` with a real first component to ``[..., 2N - 1]``."""
    return torch.cat([turned[..., :1].real, torch.view_as_real(turned[..., 1:].contiguous()).flatten(-2)], dim=-1)


def nodes(direct):
    """Node features ``[K, 2]``: direct level and a weight of one."""
    level = torch.log1p(torch.linalg.vector_norm(direct, dim=1))
    return torch.stack([level, torch.ones_like(level)], dim=1)


def published_graph(channel, receiver, transmitter, pairs):
    """The graph, mirrors and phases, by dense arrays over all pairs of nodes."""
    dense = np.zeros((pairs, pairs, channel.shape[1]), np.complex64)
    dense[receiver, transmitter] = channel
    reach = np.zeros((pairs, pairs), bool)
    reach[receiver, transmitter] = True
    np.fill_diagonal(reach, False)
    everything = torch.from_numpy(dense)
    direct = torch.diagonal(everything).T
    mirror = mirrors(direct)
    turned = levels(everything, mirror)
    crossing = turned * torch.from_numpy(reach)[..., None]
    phase = torch.exp(-1j * torch.angle((crossing[..., :1].real * crossing).sum(dim=0)))
    level = as_real(turned * phase)
    features = torch.cat([level, level.transpose(0, 1)], dim=-1).numpy()
    edges = np.nonzero(reach | reach.T)
    # A direction out of reach is not known to the network.
    features[..., : level.shape[-1]][~reach] = 0
    features[..., level.shape[-1] :][~reach.T] = 0
    edge_index = torch.from_numpy(np.stack([edges[1], edges[0]]))
    graph = Data(x=nodes(direct), edge_index=edge_index, edge_attr=torch.from_numpy(features[edges]))
    return graph, mirror, phase


def link_graph(channel, receiver, transmitter, pairs):
    """The graph, mirrors and phases, by arrays over the links."""
    h, rx, tx = (torch.from_numpy(np.ascontiguousarray(array)) for array in (channel, receiver, transmitter))
    own = rx == tx
    direct = torch.zeros((pairs, h.shape[1]), dtype=h.dtype)
    direct[rx[own]] = h[own]
    mirror = mirrors(direct)
    turned = levels(h, mirror[tx])
    caused = turned[:, :1].real * turned * (~own)[:, None]
    phase = torch.exp(-1j * torch.angle(torch.zeros_like(direct).index_add_(0, tx, caused)))
    level = as_real(turned * phase[tx])[~own]
    rx, tx, nothing = rx[~own], tx[~own], torch.zeros_like(level)
    edge_index = torch.cat([torch.stack([tx, rx]), torch.stack([rx, tx])], dim=1)
    both = torch.cat([torch.cat([level, nothing], dim=1), torch.cat([nothing, level], dim=1)])
    edge_index, edge_attr = coalesce(edge_index, both, pairs, reduce="sum")
    return Data(x=nodes(direct), edge_index=edge_index, edge_attr=edge_attr), mirror, phase


def run(network, graph, mirror, phase):
    """Normalises, runs the `WCGCNReference` and turns the beams ``[K, N]`` back to the antennas."""
    with torch.inference_mode():
        output = network(graph.x, graph.edge_index, graph.edge_attr)
        turned = torch.view_as_complex(output.reshape(len(output), -1, 2).contiguous()) * phase
        return turned - (mirror.conj() * turned).sum(dim=1, keepdim=True) * mirror
