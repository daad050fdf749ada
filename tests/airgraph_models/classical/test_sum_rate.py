import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import random_power_control, seeds

from airgraph_models.classical.sum_rate import weighted_sum_rate
from airgraph_models.problems import POWER_CONTROL


@given(seeds, st.integers(1, 10), st.booleans())
def test_it_is_the_objective_of_the_problem_family(seed, nodes, sparse):
    instance = random_power_control(seed, nodes, sparse=sparse, weighted=True)
    power = np.random.default_rng(seed).random((4, nodes)) * instance.max_power
    rates = weighted_sum_rate(instance.crosstalk, instance.weights[None], instance.noise_power[None], power)
    for rate, one in zip(rates, power, strict=True):
        assert rate == pytest.approx(POWER_CONTROL.objective(instance, one))
