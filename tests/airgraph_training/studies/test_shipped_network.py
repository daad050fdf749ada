"""The shipped network's answers in a batch are those that it gives to one instance at a time."""

import numpy as np
import pytest

from airgraph_training.studies import Lab
from airgraph_training.studies.lab import Instances
from airgraph_training.studies.populations import thinned_population
from airgraph_training.studies.shipped_network import shipped_rates


def test_a_batch_is_as_good_as_its_instances_alone(tmp_path, monkeypatch):
    lab = Lab(quick=True, seed=0, cache=tmp_path)
    instances = lab.test_set(thinned_population(10.0, 0.3, weighted=True), 6, 7)
    monkeypatch.setattr("airgraph_training.studies.shipped_network.LINKS_A_RUN", 3 * 36)
    together = shipped_rates(instances)
    alone = [
        shipped_rates(Instances(snr[None], weights[None]))[0]
        for snr, weights in zip(instances.snr, instances.weights, strict=True)
    ]
    assert together == pytest.approx(np.array(alone), rel=1e-4)
    assert (together > instances.rate(instances.ones[:, 0])).mean() > 0.5
