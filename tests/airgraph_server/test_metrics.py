"""Histograms that take the observations of a message at once."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from airgraph_server.metrics import BulkHistogram

BOUNDS = (0.5, 1.0, 2.0)


def lines(kind, observe, amounts):
    registry = CollectorRegistry()
    histogram = kind("h", "h", ("a",), buckets=BOUNDS, registry=registry)
    observe(histogram.labels("b"), amounts)
    return [line for line in generate_latest(registry).decode().splitlines() if "_bucket" in line or "_count" in line]


def one_by_one(histogram, amounts):
    for amount in amounts:
        histogram.observe(amount)


@given(st.lists(st.one_of(st.sampled_from((0.0, *BOUNDS, 3.0)), st.floats(0, 1e6)), min_size=1, max_size=20))
def test_many_observations_at_once_count_as_each_alone(amounts):
    together = lines(BulkHistogram, BulkHistogram.observe_all, amounts)
    assert together == lines(Histogram, one_by_one, amounts)
