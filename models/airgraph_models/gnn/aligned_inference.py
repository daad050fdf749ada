r"""The function of `airgraph_models.gnn.aligned` in the arithmetic that ONNX Runtime is done with first.

On small instances ONNX Runtime spends its time on nodes of the graph, not on numbers. So here, with the same weights:

*Accounts.* Powers are kept as (p, p, q) and prices as :math:`(\lambda, \lambda, r)`, C + 2 columns, of which the first
counts a pair's own link too. Then one sum over the links gives all levels of a step, and one more all of its costs:

.. math::
    (I + g p,\; I,\; \tilde I) = 1 + (g p, 0, 0) + \mathrm{sums}(p, p, q), \qquad
    (c, d, \tilde c) = (g \lambda, 0, 0) + \mathrm{sums}(\lambda, \lambda, r)

*Constants.* Scales, signs, and which column goes where are multiplied into the weights beforehand. What is linear in
logarithms is one product with a matrix that selects: WMMSE's next power, and the prices,
:math:`\lambda = \exp(\log \alpha g + \log p - \log I - \log(I + g p))`.

*Sums.* Every result of a block is added to the node that it belongs to, where the trained network gathers the results
of each node and adds them up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from airgraph_models.gnn.aligned import AlignedGNN, AlignedStep

NEVER = -80.0
"""Its exponential is nothing beside one."""
SMALLEST_FACTOR = 1e-30
"""Of gains and weights in a price, whose logarithms are added up: what is less costs nobody anything."""
FIXED = 5
"""Columns of `Fixed.known`."""


class Fixed(NamedTuple):
    """What no step changes.

    Attributes:
        known: ``[N, 5]`` direct channel g, weight, and the logarithms of 1 + g, g and the weight.
        factor: ``[N, C + 2]`` logarithm of what prices are proportional to: g times the weight, or one.
        signal: ``[N, 1]`` the same of WMMSE's next power: g and the weight, both squared.
        own: ``[N, C + 2]`` gain of a pair's own link in each account.
        source: See `airgraph_models.problems.gain_blocks.GainBlocks`.
        owner: See `owners`.
    """

    known: Tensor
    factor: Tensor
    signal: Tensor
    own: Tensor
    source: Tensor
    owner: Tensor


class AlignedInference(nn.Module):
    """An aligned network as `torch.onnx` gets it, its weights constants in the precision of the network's."""

    def __init__(self, network: AlignedGNN) -> None:
        """Takes the weights of ``network``."""
        super().__init__()
        first = network.first.detach()
        channels, accounts = network.channels, network.channels + 2
        self.log_smallest = math.log(network.smallest_share)
        self.powers = nn.Buffer(torch.cat([torch.ones_like(first[:, :2]), torch.sigmoid(first[:, :channels])], dim=1))
        self.no_powers = selection(first, 2, accounts, {})
        self.one = nn.Buffer(first.new_ones(1))
        self.direct = selection(first, 2, 1, {(0, 0): 1.0})
        self.own = selection(first, 2, accounts, {(0, 0): 1.0})
        self.factor = selection(first, 2, accounts, {(row, column): 1.0 for row in range(2) for column in range(2)})
        self.signal = selection(first, 2, 1, {(0, 0): 2.0, (1, 0): 2.0})
        steps = cast("list[AlignedStep]", list(network.steps))
        with torch.no_grad():
            begin = torch.cat([self.powers, torch.tanh(first[:, channels:])], dim=1)
            self.steps = nn.ModuleList(
                InferenceStep(step, begin, first=step is steps[0], last=step is steps[-1]) for step in steps
            )

    def forward(self, node: Tensor, heard: Tensor, caused: Tensor, source: Tensor, place: Tensor) -> Tensor:
        """See `airgraph_models.gnn.aligned.AlignedGNN.forward`."""
        factors = torch.log(torch.clamp(node, min=SMALLEST_FACTOR))
        logs = torch.clamp(factors, min=self.log_smallest)
        fixed = Fixed(
            known=torch.cat([node, torch.log(torch.addmm(self.one, node, self.direct)), logs], dim=1),
            factor=torch.mm(factors, self.factor),
            signal=torch.mm(logs, self.signal),
            own=torch.mm(node, self.own),
            source=source,
            owner=owners(heard, source, place),
        )
        # One row for all nodes: a product with zeros costs less than to find out how often to repeat it.
        powers, memory = torch.addmm(self.powers, node, self.no_powers), None
        for step in self.steps:
            powers, memory = step(powers, memory, heard, caused, fixed)
        return powers


class InferenceStep(nn.Module):
    """One step with its weights rearranged."""

    def __init__(self, step: AlignedStep, begin: Tensor, *, first: bool, last: bool) -> None:
        """Takes the weights of ``step``.

        Args:
            step: Of the trained network.
            begin: ``[1, C + 2 + M]`` powers and memory that all nodes begin with.
            first: Whether they are what the step always sees; they go into its biases then.
            last: Whether only the true powers are asked of it.
        """
        super().__init__()
        self.wish_range, self.smallest_cost = step.wish_range, step.smallest_cost
        self.log_smallest = math.log(step.smallest_share)
        self._take_constants(step.channels + 2, step.receiver.bias)
        self._take_mlps(step, begin, first=first)
        self._take_update(step.update, step.channels + 2, last=last)

    def _take_constants(self, accounts: int, like: Tensor) -> None:
        """Matrices between accounts and levels, which have the power itself as one column more."""
        power = accounts
        self.levels = nn.Buffer(torch.cat([like.new_ones(accounts), like.new_zeros(1)]))
        self.level_of_sums = selection(like, accounts, accounts + 1, {(i, i): 1.0 for i in range(accounts)})
        self.level_of_powers = selection(like, accounts, accounts + 1, {(0, power): 1.0})
        rest = {(1, account): -1.0 for account in range(accounts)}
        true = {(0, 0): -1.0, (0, 1): -1.0, (power, 0): 1.0, (power, 1): 1.0}
        self.price_of_levels = selection(like, accounts + 1, accounts, rest | true)
        self.wish_of_levels = selection(like, accounts + 1, 1, {(1, 0): -2.0, (power, 0): 1.0})
        self.wish_of_costs = selection(like, accounts, 1, {(0, 0): -2.0})

    def _take_mlps(self, step: AlignedStep, begin: Tensor, *, first: bool) -> None:
        accounts, width, scale = step.channels + 2, step.price.in_features, step.log_scale
        known = known_columns(step.receiver.bias, step.channels, begin.shape[1] - accounts, scale)
        of_hidden, of_known, of_costs = torch.split(step.hidden.weight.t(), [width, known.shape[1], accounts + 1])
        receiver, receiver_bias = known @ step.receiver.weight.t(), step.receiver.bias.clone()
        seen, hidden_bias = known @ of_known, step.hidden.bias.clone()
        if first:
            state = slice(FIXED, FIXED + begin.shape[1])
            receiver_bias += begin[0] @ receiver[state]
            hidden_bias += begin[0] @ seen[state]
            receiver, seen = (torch.cat([rows[: state.start], rows[state.stop :]]) for rows in (receiver, seen))
        self.receiver, self.receiver_bias = nn.Buffer(receiver), nn.Buffer(receiver_bias)
        self.hidden = nn.Buffer(torch.cat([of_hidden, seen, scale * of_costs]))
        self.hidden_bias = nn.Buffer(hidden_bias)
        weight, bias = step.price.weight.t(), step.price.bias
        self.price = nn.Buffer(torch.cat([weight.new_zeros(width, 2), -weight], dim=1))
        self.price_bias = nn.Buffer(torch.cat([bias.new_full((2,), NEVER), -bias]))

    def _take_update(self, update: nn.Linear, accounts: int, *, last: bool) -> None:
        weight, bias = update.weight.t(), update.bias
        asked = 1 if last else accounts
        signs = {(0, 0): -2.0, (0, 1): -2.0} | {(account, account): -1.0 for account in range(2, accounts)}
        logits = selection(bias, len(bias), accounts, signs)[:, :asked]
        self.logit, self.logit_bias = nn.Buffer(weight @ logits), nn.Buffer(bias @ logits)
        wish = selection(bias, 1, accounts, {(0, 0): -1.0, (0, 1): -1.0})
        self.logit_of_wish = nn.Buffer(wish[:, :asked].clone())
        self.slope, self.slope_bias = nn.Buffer(weight[:, 1:2].clone()), nn.Buffer(bias[1:2].clone())
        self.memory, self.memory_bias = nn.Buffer(weight[:, accounts:].clone()), nn.Buffer(bias[accounts:].clone())

    def forward(
        self, powers: Tensor, memory: Tensor | None, heard: Tensor, caused: Tensor, fixed: Fixed
    ) -> tuple[Tensor, Tensor]:
        """The next powers ``[N, C + 2]``, of the last step ``[N, 1]``, and memory ``[N, M]``.

        Args:
            powers: ``[N, C + 2]`` of the step before.
            memory: ``[N, M]`` of the step before; none before the first.
            heard: See `airgraph_models.problems.gain_blocks.GainBlocks`.
            caused: See there.
            fixed: What no step changes.
        """
        sums = add_sums(fixed.own * powers, heard, powers, fixed)
        levels = torch.addmm(torch.addmm(self.levels, sums, self.level_of_sums), powers, self.level_of_powers)
        log_levels = torch.log(levels)
        # Of these only the power can be below.
        kept = torch.clamp(log_levels, min=self.log_smallest)
        state = () if memory is None else (powers, memory)
        known = torch.cat([fixed.known, *state, kept], dim=1)
        hidden = torch.relu(torch.addmm(self.receiver_bias, known, self.receiver))
        offered = torch.exp(torch.addmm(fixed.factor, log_levels, self.price_of_levels))
        price = offered / (1.0 + torch.exp(torch.addmm(self.price_bias, hidden, self.price)))
        cost = add_sums(fixed.own * price, caused, price, fixed)
        log_cost = torch.log(torch.clamp(cost, min=self.smallest_cost))
        asked = torch.addmm(torch.addmm(fixed.signal, kept, self.wish_of_levels), log_cost, self.wish_of_costs)
        wish = torch.clamp(asked, min=self.wish_range[0], max=self.wish_range[1])
        seen = torch.cat([hidden, known, log_cost, wish], dim=1)
        hidden = torch.relu(torch.addmm(self.hidden_bias, seen, self.hidden))
        wished = torch.addmm(self.slope_bias, hidden, self.slope) * wish
        logit = torch.addmm(torch.addmm(self.logit_bias, hidden, self.logit), wished, self.logit_of_wish)
        # `airgraph_models.gnn.aligned.exact_sigmoid`, whose minus the weights have.
        powers = torch.reciprocal(1.0 + torch.exp(torch.clamp(logit, max=30.0)))
        return powers, torch.tanh(torch.addmm(self.memory_bias, hidden, self.memory))


def selection(like: Tensor, rows: int, columns: int, entries: Mapping[tuple[int, int], float]) -> nn.Buffer:
    """``[rows, columns]`` matrix of a few entries, all others zero."""
    matrix = like.new_zeros(rows, columns)
    for place, value in entries.items():
        matrix[place] = value
    return nn.Buffer(matrix)


def known_columns(like: Tensor, channels: int, memory: int, scale: float) -> Tensor:
    """Matrix from what a step knows here to what the trained network's MLPs are given.

    Here: `Fixed.known`, powers, memory, and the logarithms of (total, rest, virtual levels, power). There: the scaled
    logarithm of 1 + g, the weight, the scaled logarithms of g and the weight, power, virtual powers, memory, and the
    scaled logarithms of (power, rest, virtual levels, total).
    """
    levels = FIXED + channels + 2 + memory
    power = levels + channels + 2
    columns = [(2, scale), (1, 1.0), (3, scale), (4, scale)]
    columns += [(column, 1.0) for column in range(FIXED + 1, levels)]
    columns += [(column, scale) for column in (power, *range(levels + 1, power), levels)]
    entries = {(column, number): factor for number, (column, factor) in enumerate(columns)}
    return selection(like, power + 1, len(columns), entries)


def owners(heard: Tensor, source: Tensor, place: Tensor) -> Tensor:
    """``[B, R, 1]`` the node that each result of a block belongs to: what ``place`` says, the other way round.

    Results of nobody are zero; they go to a node of their block, so that no instance's numbers reach another.
    """
    blank = torch.zeros_like(heard[:, :, 0], dtype=torch.int64)
    someone = (blank + source[:, 0].unsqueeze(1)).reshape(-1)
    node = torch.cumsum(torch.ones_like(place), dim=0) - 1
    return someone.scatter(0, place.reshape(-1), node.reshape(-1)).view_as(blank).unsqueeze(2)


def add_sums(start: Tensor, gains: Tensor, values: Tensor, fixed: Fixed) -> Tensor:
    """``start [N, F]`` plus what `airgraph_models.gnn.aligned.sums` gives: of ``values [N, F]`` over the links."""
    total: Tensor = _AddToOwners.apply(start, fixed.owner, torch.matmul(gains, values[fixed.source]))  # type: ignore[no-untyped-call]
    return total


class _AddToOwners(torch.autograd.Function):
    """Adds results ``[B, R, F]`` to the rows ``owner`` of ``start``; torch's own export keeps one result a row."""

    @staticmethod
    def forward(ctx: Any, start: Tensor, owner: Tensor, results: Tensor) -> Tensor:
        return start.index_put((owner.squeeze(2),), results, accumulate=True)

    @staticmethod
    def symbolic(graph: Any, start: Any, owner: Any, results: Any) -> Any:
        return graph.op("ScatterND", start, owner, results, reduction_s="add").setType(start.type())
