"""The gate: who computes, who waits, who is refused."""

import threading
from time import perf_counter

import pytest

from airgraph_server.admission import Admission
from airgraph_server.errors import DeadlineMissedError, OverloadedError
from airgraph_server.metrics import Metrics


def occupy(admission):
    """Holds one place until the returned function is called."""
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with admission.admitted(None):
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert entered.wait(10)

    def release():
        leave.set()
        thread.join(10)

    return release


def test_one_more_than_may_wait_is_shed_with_a_hint_and_counted():
    metrics = Metrics()
    admission = Admission(computing=1, waiting=0, metrics=metrics)
    release = occupy(admission)
    with pytest.raises(OverloadedError) as caught, admission.admitted(None):
        pass
    assert caught.value.retry_after >= 0
    assert metrics.registry.get_sample_value("airgraph_shed_total") == 1
    release()
    with admission.admitted(None) as waited:
        assert waited < 1


def test_who_waits_gets_in_when_another_leaves_and_knows_how_long_it_took():
    metrics = Metrics()
    admission = Admission(computing=1, waiting=1, metrics=metrics)
    release = occupy(admission)
    threading.Timer(0.1, release).start()
    with admission.admitted(perf_counter() + 10) as waited:
        assert 0.05 < waited < 10
    assert metrics.registry.get_sample_value("airgraph_queue_depth") == 0


def test_who_waits_past_the_deadline_is_dropped_and_leaves_the_place_free():
    admission = Admission(computing=1, waiting=1, metrics=Metrics())
    release = occupy(admission)
    with pytest.raises(DeadlineMissedError), admission.admitted(perf_counter() + 0.05):
        pass
    release()
    with admission.admitted(None):
        pass


def test_a_failure_inside_gives_the_place_back():
    admission = Admission(computing=1, waiting=0, metrics=Metrics())
    for _ in range(3):
        with pytest.raises(ZeroDivisionError), admission.admitted(None):
            raise ZeroDivisionError
    with admission.admitted(None):
        pass
