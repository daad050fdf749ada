"""Every study runs in its quick form and writes its page and plot."""

import pytest
import torch
from matplotlib.image import imread

from airgraph_training.studies import STUDIES, Lab
from airgraph_training.studies.dense_fitting import Fit
from airgraph_training.studies.dense_networks import NETWORKS
from airgraph_training.studies.page import write_page
from airgraph_training.studies.populations import RAYLEIGH


@pytest.mark.parametrize("study", STUDIES.values(), ids=list(STUDIES))
def test_a_quick_run_writes_its_page_and_says_that_it_was_quick(study, tmp_path):
    lab = Lab(quick=True, seed=0, cache=tmp_path / "cache", report=lambda line: None)
    page = write_page(study, study.run(lab), lab, tmp_path, seconds=1.0)
    text = page.read_text()
    assert page.name == f"{study.name}.md"
    assert f"airgraph-train study {study.name}" in text
    assert "A quick run" in text
    assert study.source in text
    assert "nan" not in text
    assert imread(tmp_path / f"{study.name}.png").std() > 0.01


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_training_raises_the_sum_rate_and_is_kept_for_the_next_visit(network, tmp_path):
    told = []
    lab = Lab(quick=True, seed=1, cache=tmp_path, report=told.append)
    fit = Fit(pairs=5, samples=512, epochs=8, seed=1)
    untrained = network.build(fit).eval()
    instances = lab.test_set(RAYLEIGH, 5, 100)
    trained = lab.trained(network, fit)
    before, after = (lab.network_rate(module, instances).mean() for module in (untrained, trained))
    assert after > before
    again = lab.trained(network, fit)
    assert len(told) == 1
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), trained.parameters(), strict=True))
    assert not list(tmp_path.glob(".*"))
