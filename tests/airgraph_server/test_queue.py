"""The queue: what is ahead of a call, however it is added up."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airgraph_server.scheduler.job import UNION, Job, Ticket
from airgraph_server.scheduler.load import NOTHING, Load, LoadCost
from airgraph_server.scheduler.queue import Budget, TicketQueue


@dataclass
class Waiting:
    deadline: float

    def abandoned(self):
        return False


def ticket_of(number, kind, rank, links):
    task = Waiting(rank[1])
    return Ticket((*rank, number), Job([task], None), 0, task, Load(links, 1), kind, 0.0)


KINDS = [("power_control", 1, policy, True, "model") for policy in ("auto", UNION)]
ranks = st.tuples(st.integers(-2, 0), st.sampled_from([1.0, 2.0, 3.0]))
steps = st.lists(st.tuples(st.sampled_from(KINDS), ranks, st.integers(1, 50)) | st.none(), max_size=30)


@given(steps=steps, rank=ranks)
def test_what_is_ahead_is_the_sum_of_all_that_goes_before(steps, rank):
    queue, left = TicketQueue(Budget(60, 100, 1.0)), []
    costs = {kind: LoadCost() for kind in KINDS}
    for number, step in enumerate(steps):
        if step is None:
            taken, dropped = queue.take(0.5, 0.0, costs)
            assert not dropped
            left = [ticket for ticket in left if all(ticket is not one for one in taken)]
        else:
            left.append(ticket_of(number, *step))
            queue.put(left[-1])
        assert len(queue) == len(left)
        expected = {
            kind: sum((t.load for t in left if t.kind == kind and t.rank[:2] <= rank), NOTHING) for kind in KINDS
        }
        assert {kind: queue.ahead_of(rank).get(kind, NOTHING) for kind in KINDS} == expected
        if left:
            assert queue.first_kind == min(left).kind


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_queue_has_nothing_ahead(kind):
    queue = TicketQueue(Budget(60, 100, 1.0))
    assert queue.ahead_of((0, 1.0)) == {}
    queue.put(ticket_of(0, kind, (0, 1.0), 5))
    queue.take(0.5, 0.0, {kind: LoadCost()})
    assert queue.ahead_of((0, 1.0)) == {}
