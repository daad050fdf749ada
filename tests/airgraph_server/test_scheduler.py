"""The scheduler: what runs together, in which order, and what is refused; with a decider that a test holds back."""

import threading
from time import perf_counter, sleep

import numpy as np
import pytest
from instances import random_power_control
from stand_ins import StandInModel

from airgraph_models.problems import POWER_CONTROL
from airgraph_models.problems.power_control_union import PowerControlFields
from airgraph_server.decision.types import Decision, Policy, Task
from airgraph_server.decision.union import UnionDecision, UnionTask
from airgraph_server.errors import DeadlineMissedError, OverloadedError
from airgraph_server.metrics import Metrics
from airgraph_server.scheduler.door import Door
from airgraph_server.scheduler.load import Load, LoadCost
from airgraph_server.scheduler.scheduler import Scheduler
from airgraph_server.settings import Settings


class HeldDecider:
    """Records every batch; waits for `go` before it answers."""

    def __init__(self, held=True, fails=None):
        self.batches, self.needed = [], []
        self.entered, self.go = threading.Semaphore(0), threading.Event()
        self.fails = fails
        if not held:
            self.go.set()

    def decide(self, tasks, needed_at=lambda: np.inf):
        self.batches.append(list(tasks))
        self.entered.release()
        assert self.go.wait(20)
        self.needed.append(needed_at())
        if self.fails is not None and any(task.instance.size == self.fails for task in tasks):
            raise RuntimeError("a defect")
        return [decision_of(task) for task in tasks]


def decision_of(task):
    return Decision(task.instance.max_power, "stand-in", None, None, 1.0, 1.0, np.ones(1), 0.0)


def task_of(size=4, **options):
    return Task(POWER_CONTROL, random_power_control(size, size), **options)


@pytest.fixture
def make():
    made = []

    def build(decider, **settings):
        made.append(Scheduler(Settings(**{"threads": 1, "max_run_seconds": 1e6, **settings}), decider, Metrics()))
        return made[-1]

    yield build
    for scheduler in made:
        scheduler.close()


class Call(threading.Thread):
    """One caller in a thread of its own, waiting in the queue once it has started."""

    def __init__(self, scheduler, tasks, priorities=None):
        super().__init__(daemon=True)
        self.arguments, self.results = (scheduler, tasks, priorities), None
        queued, busy = len(scheduler._queue), bool(scheduler._running)
        self.start()
        until = perf_counter() + 10
        while busy and len(scheduler._queue) == queued and self.is_alive():
            assert perf_counter() < until
            sleep(0.001)

    def run(self):
        scheduler, tasks, priorities = self.arguments
        self.results = scheduler.run(tasks, priorities)

    def ended(self):
        self.join(20)
        assert not self.is_alive()
        return self.results


def occupied(make, **settings):
    """A scheduler whose only place is taken."""
    decider = HeldDecider()
    scheduler = make(decider, **settings)
    first = Call(scheduler, [task_of(2)])
    assert decider.entered.acquire(timeout=10)
    return decider, scheduler, first


def test_what_is_queued_at_once_runs_as_one_batch_of_mixed_sizes(make):
    decider, scheduler, first = occupied(make)
    calls = [Call(scheduler, [task_of(size)]) for size in (5, 3, 9)]
    decider.go.set()
    assert all(isinstance(call.ended()[0], Decision) for call in (first, *calls))
    assert [[task.instance.size for task in batch] for batch in decider.batches] == [[2], [5, 3, 9]]


def test_a_lone_call_is_computed_in_its_own_thread(make):
    decider = HeldDecider(held=False)
    seen = []
    decide = decider.decide
    decider.decide = lambda *arguments: seen.append(threading.current_thread()) or decide(*arguments)
    make(decider).run([task_of()])
    assert seen == [threading.current_thread()]


def test_a_run_holds_no_more_than_its_budgets(make):
    decider, scheduler, first = occupied(make, max_batch_nodes=8)
    call = Call(scheduler, [task_of(4) for _ in range(5)])
    decider.go.set()
    assert len(call.ended()) == 5
    assert [len(batch) for batch in decider.batches] == [1, 2, 2, 1]
    decider, scheduler, first = occupied(make, max_batch_links=50)
    # One that is larger than the budget runs alone.
    call = Call(scheduler, [task_of(9), task_of(2), task_of(2)])
    decider.go.set()
    assert all(isinstance(result, Decision) for result in (*call.ended(), *first.ended()))
    assert [len(batch) for batch in decider.batches] == [1, 1, 2]


def test_runs_of_small_instances_take_turns_and_a_large_one_needs_no_turn(make):
    decider = HeldDecider()
    scheduler = make(decider, threads=2, max_batch_nodes=120)
    first = Call(scheduler, [task_of(3)])
    assert decider.entered.acquire(timeout=10)
    second = Call(scheduler, [task_of(4)])
    third = Call(scheduler, [task_of(5)])
    # Urgent, so that it comes next.
    large = threading.Thread(target=scheduler.run, args=([task_of(120)], [1]), daemon=True)
    large.start()
    assert decider.entered.acquire(timeout=10)
    decider.go.set()
    large.join(20)
    for call in (first, second, third):
        call.ended()
    assert [[task.instance.size for task in batch] for batch in decider.batches] == [[3], [120], [4, 5]]


def test_what_cannot_share_a_run_does_not(make):
    decider, scheduler, _ = occupied(make)
    calls = [Call(scheduler, [task_of(3, policy=policy)]) for policy in (Policy.CLASSICAL, Policy.AUTO) * 2]
    decider.go.set()
    for call in calls:
        call.ended()
    assert [{task.policy for task in batch} for batch in decider.batches[1:]] == [{Policy.CLASSICAL}, {Policy.AUTO}]


def test_priority_goes_first_then_the_earlier_deadline_then_who_came_first(make):
    decider, scheduler, _ = occupied(make, max_batch_nodes=1)
    now = perf_counter()
    calls = [
        Call(scheduler, [task_of(3)]),
        Call(scheduler, [task_of(4)]),
        Call(scheduler, [task_of(5, deadline=now + 60)]),
        Call(scheduler, [task_of(6, deadline=now + 50)]),
        Call(scheduler, [task_of(7)], [1]),
        Call(scheduler, [task_of(8)], [-1]),
    ]
    decider.go.set()
    for call in calls:
        call.ended()
    assert [batch[0].instance.size for batch in decider.batches] == [2, 7, 6, 5, 3, 4, 8]


def test_an_urgent_call_passes_the_rest_of_a_planning_batch(make):
    decider = HeldDecider()
    scheduler = make(decider, max_batch_nodes=4)
    planning = Call(scheduler, [task_of(4) for _ in range(6)])
    assert decider.entered.acquire(timeout=10)
    urgent = Call(scheduler, [task_of(3)], [5])
    decider.go.set()
    urgent.ended()
    planning.ended()
    assert [batch[0].instance.size for batch in decider.batches] == [4, 3, 4, 4, 4, 4, 4]


def test_expired_and_cancelled_work_is_dropped_before_compute(make):
    decider, scheduler, _ = occupied(make, deadline_reserve=0.0)
    gone = threading.Event()
    expiring = Call(scheduler, [task_of(5, deadline=perf_counter() + 0.3)])
    cancelled = Call(scheduler, [task_of(6, abandoned=gone.is_set)])
    waiting = Call(scheduler, [task_of(7)])
    assert isinstance(expiring.ended()[0], DeadlineMissedError)
    gone.set()
    decider.go.set()
    assert isinstance(cancelled.ended()[0], DeadlineMissedError)
    assert isinstance(waiting.ended()[0], Decision)
    assert [task.instance.size for batch in decider.batches for task in batch] == [2, 7]


def test_what_breaks_a_batch_fails_alone(make):
    decider, scheduler, _ = occupied(make)
    decider.fails = 3
    calls = [Call(scheduler, [task_of(size)]) for size in (2, 3, 4)]
    decider.go.set()
    assert [type(call.ended()[0]) for call in calls] == [Decision, RuntimeError, Decision]
    assert isinstance(scheduler.run([task_of(2)])[0], Decision)


def test_no_time_for_the_answer_is_refused_at_once_as_a_deadline(make):
    decider = HeldDecider()
    scheduler = make(decider)
    [result] = scheduler.run([task_of(4, deadline=perf_counter() + 1e-7)])
    assert isinstance(result, DeadlineMissedError)
    assert decider.batches == []


def test_no_time_for_the_wait_is_refused_at_once_as_overload_with_a_hint(make):
    decider, scheduler, _ = occupied(make)
    for _ in range(40):
        scheduler._costs.runs[next(iter(scheduler._costs.runs))].observe(Load(16, 4), 10.0)
    waiting = Call(scheduler, [task_of(4)] * 8)
    began = perf_counter()
    # Of lower rank, so that everything queued is ahead of it.
    [result] = scheduler.run([task_of(4, deadline=perf_counter() + 1e-2)], [-1])
    assert isinstance(result, OverloadedError)
    assert result.retry_after > 0
    assert perf_counter() - began < 5
    decider.go.set()
    assert len(waiting.ended()) == 8


def test_room_is_bounded_and_given_back():
    metrics = Metrics()
    door = Door(2, 0.0, metrics)
    door.enter(1, None)
    many = door.enter(64, None)
    with pytest.raises(OverloadedError) as caught:
        door.enter(1, None)
    assert caught.value.retry_after > 0
    assert metrics.registry.get_sample_value("airgraph_shed_total") == 1
    door.leave(many)
    door.enter(1, None)


def test_who_would_be_late_among_those_inside_is_refused_at_the_door():
    door = Door(100, 0.0, Metrics())
    for _ in range(20):
        visit = door.enter(1, None)
        sleep(0.01)
        door.leave(visit)
    # With the server to itself no call is refused: what was slow once may be fast now.
    door.enter(1, perf_counter() + 1e-3)
    door.enter(1, perf_counter() + 10)
    with pytest.raises(OverloadedError) as caught:
        door.enter(1, perf_counter() + 5e-3)
    assert caught.value.retry_after >= 5e-3


def test_who_stands_before_the_door_counts_as_company():
    waiting = [0]
    door = Door(100, 0.0, Metrics(), lambda: waiting[0])
    for _ in range(20):
        visit = door.enter(1, None)
        sleep(0.01)
        door.leave(visit)
    door.leave(door.enter(1, perf_counter() + 1e-3))
    waiting[0] = 1
    with pytest.raises(OverloadedError):
        door.enter(1, perf_counter() + 1e-3)


def test_time_that_others_may_have_does_not_count_at_the_door():
    door = Door(100, 0.0, Metrics())
    for _ in range(40):
        visit = door.enter(1, None)
        sleep(0.01)
        door.leave(visit, spared=0.01)
    door.enter(1, None)
    door.enter(1, perf_counter() + 9e-3)


def test_a_queue_with_a_deadline_ends_the_polish_of_what_runs(make):
    decider, scheduler, first = occupied(make)
    deadline = perf_counter() + 30
    call = Call(scheduler, [task_of(5, deadline=deadline)])
    decider.go.set()
    first.ended()
    call.ended()
    assert decider.needed[0] < deadline
    assert decider.needed[1] == np.inf


def test_submitted_work_is_told_from_another_thread(make):
    scheduler = make(HeldDecider(held=False))
    told, results = threading.Event(), []
    scheduler.submit(task_of(3), 0, lambda result: (results.append((result, threading.current_thread())), told.set()))
    assert told.wait(10)
    assert isinstance(results[0][0], Decision)
    assert results[0][1] is not threading.current_thread()


def test_the_cost_line_finds_links_nodes_and_instances():
    cost = LoadCost()
    rng = np.random.default_rng(0)

    def true(load):
        return 2e-8 * load.links + 1e-6 * load.nodes + 5e-5 * load.instances + 1e-4

    for _ in range(400):
        instances, nodes = int(rng.integers(1, 30)), int(rng.integers(30, 500))
        load = Load(int(rng.integers(nodes, nodes * 40)), nodes, instances)
        cost.observe(load, true(load))
    for load in (Load(100, 10), Load(20_000, 500, 20), Load(2500, 50)):
        assert cost.predict(load) == pytest.approx(true(load), rel=0.1)
    before = cost.predict(Load(2500, 50))
    cost.observe(Load(2500, 50), 10.0)
    assert cost.predict(Load(2500, 50)) < 2 * before


class Line:
    """Turns that have every call that meets wait for half a second, as it says."""

    def __init__(self):
        self.met, self.kinds = [], []

    def give_way(self):
        pass

    def waiting(self):
        return 0

    def meet(self, kind, until):
        self.kinds.append(kind)
        self.met.append(until)
        return 0.5


class Joins:
    """Decides at once."""

    def decide(self, tasks, needed_at):
        return [decision_of(task) for task in tasks]

    def decide_unions(self, tasks):
        return [UnionDecision([decision_of(task_of()) for _ in task.instances]) for task in tasks]


def union_of(instances, **options):
    return UnionTask([PowerControlFields(np.ones((3, 3)))] * instances, StandInModel(), **options)


def test_single_calls_meet_for_a_part_of_their_time_and_messages_do_not():
    line = Line()
    scheduler = Scheduler(Settings(threads=1), Joins(), Metrics(), line)
    (alone,) = scheduler.run([union_of(1)])
    assert alone.timings.meeting == 0.5
    assert line.met == [np.inf]
    began = perf_counter()
    scheduler.run([union_of(1, deadline=began + 10.0)])
    assert began < line.met[1] < began + 10.0
    for several in ([union_of(2)], [union_of(1), union_of(1)]):
        results = scheduler.run(several)
        assert {result.timings.meeting for result in results} == {0.0}
    assert len(line.met) == 2
    scheduler.close()


def test_small_ones_meet_those_whose_run_they_may_share_and_large_ones_nobody():
    line = Line()
    scheduler = Scheduler(Settings(threads=1), Joins(), Metrics(), line)
    for task in (task_of(4), task_of(50), task_of(4, policy=Policy.CLASSICAL), task_of(4, deadline=perf_counter() + 9)):
        (result,) = scheduler.run([task])
        assert result.timings.meeting == 0.5
    assert line.kinds[0] == line.kinds[1]
    assert len(set(line.kinds)) == 3
    for alone in ([task_of(101)], [task_of(4), task_of(4)]):
        assert {result.timings.meeting for result in scheduler.run(alone)} == {0.0}
    assert len(line.kinds) == 4
    scheduler.close()


def test_who_is_refused_meets_nobody():
    line = Line()
    scheduler = Scheduler(Settings(threads=1), Joins(), Metrics(), line)
    for late in (task_of(4, deadline=perf_counter()), union_of(1, deadline=perf_counter())):
        assert isinstance(scheduler.run([late])[0], DeadlineMissedError)
    assert line.kinds == []
    scheduler.close()
