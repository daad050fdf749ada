import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airgraph_client.errors import InvalidInstance
from airgraph_client.load import LoadPlan, highest_rate, read_mix
from airgraph_client.load.mix import InstancePool
from airgraph_client.load.plan import Arrivals
from airgraph_client.load.record import Outcome, Record
from airgraph_client.load.report import Report
from airgraph_client.load.search import Limits


@given(st.floats(1, 500), st.floats(0.1, 5), st.sampled_from([Arrivals.POISSON, Arrivals.CONSTANT]))
def test_sends_rise_and_end(rate, duration, arrivals):
    plan = LoadPlan(rate=rate, duration=duration, warmup=0, arrivals=arrivals)
    sends = list(plan.sends())
    assert sends == sorted(sends)
    assert all(0 <= time < duration for time in sends)
    if arrivals is Arrivals.CONSTANT:
        assert abs(len(sends) - rate * duration) <= 1
    else:
        # Six standard deviations of a Poisson count.
        assert abs(len(sends) - rate * duration) <= 6 * np.sqrt(rate * duration) + 2


def test_poisson_gaps_are_exponential():
    gaps = np.diff(list(LoadPlan(rate=1000, duration=20, warmup=0).sends()))
    assert gaps.mean() == pytest.approx(1e-3, rel=0.05)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)


@pytest.mark.parametrize("field", ["rate", "duration", "deadline", "concurrency", "batch", "streams", "drain"])
def test_a_plan_that_cannot_work_is_named(field):
    with pytest.raises(InvalidInstance) as caught:
        LoadPlan(**{field: -1})
    assert caught.value.field == field


def test_a_mix_keeps_its_shares(tmp_path):
    path = tmp_path / "mix.csv"
    path.write_text("problem,nodes,antennas,share\npower_control,5,1,3\nprecoding,4,8,1\nbeamforming,3,2,4\n")
    pool = InstancePool(read_mix(path), {}, seed=1)
    kinds = [request.WhichOneof("problem") for request in pool.take(8000)]
    assert kinds.count("power_control") / 8000 == pytest.approx(3 / 8, abs=0.03)
    assert kinds.count("precoding") / 8000 == pytest.approx(1 / 8, abs=0.03)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "problem,nodes,share\n",
        "problem,nodes,antennas,share\n",
        "problem,nodes,antennas,share\nsudoku,9,1,1\n",
        "problem,nodes,antennas,share\npower_control,0,1,1\n",
        "problem,nodes,antennas,share\npower_control,5,1,nan\n",
        "problem,nodes,antennas,share\npower_control,five,1,1\n",
    ],
)
def test_a_bad_mix_is_refused(tmp_path, text):
    path = tmp_path / "mix.csv"
    path.write_text(text)
    with pytest.raises(InvalidInstance, match=r"mix\.csv"):
        read_mix(path)


def test_late_answers_count_as_answers_but_not_as_good():
    record = Record(deadline=0.01)
    record.ended(0.0, 0.009, 0.001, [Outcome("OK", "wmmse", "REQUESTED")] * 3)
    record.ended(0.5, 0.011, 0.001, [Outcome("OK", "learned")])
    record.ended(1.5, 0.020, 0.020, [Outcome("DEADLINE_EXCEEDED")])
    report = Report.of(LoadPlan(duration=2, deadline=0.01), (), record)
    assert (report.instances, report.answered, report.good_share) == (5, 4, 3 / 5)
    assert report.solvers == {"wmmse": 3, "learned": 1}
    assert report.fallbacks == {"REQUESTED": 3, "none": 1}
    assert report.latency["max"] == pytest.approx(0.011, rel=2e-3)
    assert report.service["max"] == pytest.approx(0.001, rel=2e-3)
    assert [second["failures"] for second in report.seconds] == [0, 1]


@settings(max_examples=5)
@given(st.floats(10, 5000), st.floats(1, 200))
def test_the_search_closes_in_on_the_rate_that_breaks(capacity, first):
    def run(plan):
        record = Record(None)
        record.ended(0, 0.001 if plan.rate <= capacity else 0.1, 0.001, [Outcome("OK")])
        return Report.of(plan, (), record)

    steps = highest_rate(run, LoadPlan(rate=first), Limits(p99=0.01), steps=20)
    kept = max((step.rate for step in steps if not step.broken), default=0)
    broke = min(step.rate for step in steps if step.broken)
    assert kept <= capacity < broke
    assert broke - kept <= capacity * 0.02 + first * 2**-10


def test_an_idle_search_has_no_answer():
    with pytest.raises(InvalidInstance):
        highest_rate(lambda plan: None, LoadPlan(arrivals=Arrivals.CLOSED), Limits(p99=1), 3)
