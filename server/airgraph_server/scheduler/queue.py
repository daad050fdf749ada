"""The queue: urgent first, and what is taken from it together."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

from airgraph_server.scheduler.job import Kind, Ticket
from airgraph_server.scheduler.load import NOTHING, Load, LoadCost


@dataclass(frozen=True)
class Budget:
    """Most that one run may hold.

    Attributes:
        links: Links.
        nodes: Nodes.
        seconds: Expected seconds: what is more urgent gets its turn after that long.
    """

    links: int
    nodes: int
    seconds: float


class TicketQueue:
    """Tickets by kind of run. Not locked: the scheduler's lock guards it."""

    def __init__(self, budget: Budget) -> None:
        """Starts empty."""
        self._budget = budget
        self._by_kind: dict[Kind, list[Ticket]] = {}
        self._totals: dict[Kind, Load] = {}
        self._last: dict[Kind, tuple[int, float]] = {}
        self._length = 0

    def __len__(self) -> int:
        """Tickets queued."""
        return self._length

    def put(self, ticket: Ticket) -> None:
        """Adds one."""
        heapq.heappush(self._by_kind.setdefault(ticket.kind, []), ticket)
        self._totals[ticket.kind] = self._totals.get(ticket.kind, NOTHING) + ticket.load
        rank = ticket.rank[:2]
        self._last[ticket.kind] = max(self._last.get(ticket.kind, rank), rank)
        self._length += 1

    def ahead_of(self, rank: tuple[int, float]) -> dict[Kind, Load]:
        """What goes before a (priority, deadline), a load a kind."""
        loads: dict[Kind, Load] = {}
        for kind, tickets in self._by_kind.items():
            if self._last[kind] <= rank:
                # Nearly always: who comes later is less urgent.
                loads[kind] = self._totals[kind]
                continue
            for ticket in tickets:
                if ticket.rank[:2] <= rank:
                    loads[kind] = loads.get(kind, NOTHING) + ticket.load
        return loads

    def all(self) -> dict[Kind, Load]:
        """Everything queued, a load a kind."""
        return self._totals

    @property
    def small_first(self) -> bool:
        """Whether the next run begins with a small instance."""
        return self._length > 0 and self._by_kind[self.first_kind][0].load.small

    def earliest_deadline(self) -> float:
        """Of the tickets that go first; infinite where none has one."""
        return min((tickets[0].deadline for tickets in self._by_kind.values()), default=math.inf)

    def take(self, now: float, reserve: float, costs: dict[Kind, LoadCost]) -> tuple[list[Ticket], list[Ticket]]:
        """What runs next, all of one kind, and what is not worth running: late, or with nobody waiting for it.

        The run ends where a budget does, or where one instance more would make the tightest deadline late.
        """
        dropped: list[Ticket] = []
        taken: list[Ticket] = []
        load = NOTHING
        until = math.inf
        while self._length:
            kind = taken[0].kind if taken else self.first_kind
            tickets = self._by_kind.get(kind)
            if not tickets:
                break
            ticket = tickets[0]
            if _useless(ticket, now):
                dropped.append(self._pop(kind))
                continue
            grown = load + ticket.load
            until = min(until, ticket.deadline - reserve)
            if taken and not self._fits(grown, costs[kind].predict(grown), until - now):
                break
            load = grown
            taken.append(self._pop(kind))
        return taken, dropped

    def _fits(self, load: Load, seconds: float, slack: float) -> bool:
        budget = self._budget
        return load.links <= budget.links and load.nodes <= budget.nodes and seconds <= min(budget.seconds, slack)

    @property
    def first_kind(self) -> Kind:
        """What runs next, if anything does."""
        return min(self._by_kind, key=lambda kind: self._by_kind[kind][0])

    def _pop(self, kind: Kind) -> Ticket:
        tickets = self._by_kind[kind]
        ticket = heapq.heappop(tickets)
        if tickets:
            self._totals[kind] -= ticket.load
        else:
            del self._by_kind[kind], self._totals[kind], self._last[kind]
        self._length -= 1
        return ticket


def _useless(ticket: Ticket, now: float) -> bool:
    return ticket.job.given_up or now >= ticket.deadline or ticket.task.abandoned()
