"""The endpoint of all workers while one of them begins."""

from prometheus_client import generate_latest

from airgraph_server.workers.metrics import WholeMetrics


def test_a_worker_that_has_just_made_a_file_spoils_no_scrape(tmp_path):
    metrics = WholeMetrics(str(tmp_path))
    for name in ("counter_7.db", "gauge_livesum_7.db"):
        (tmp_path / name).touch()
    metrics.serving.set(2)
    assert b"airgraph_workers 2.0" in generate_latest(metrics.registry)
