import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import random_power_control, seeds

from airgraph_models.classical.scalar_wmmse import Crosstalk
from airgraph_models.classical.strongest import best_proportion, strongest
from airgraph_models.classical.sum_rate import weighted_sum_rate


@given(seeds, st.integers(1, 12), st.floats(0.01, 1.0), st.booleans())
def test_the_pairs_of_largest_direct_gain_send_at_full_power(seed, nodes, proportion, sparse):
    instance = random_power_control(seed, nodes, sparse=sparse)
    power = strongest(instance.crosstalk, instance.max_power[None], proportion)[0]
    sending = power > 0
    assert sending.sum() == max(1, round(proportion * nodes))
    np.testing.assert_array_equal(power[sending], instance.max_power[sending])
    direct = instance.crosstalk.direct[0]
    assert direct[sending].min() >= direct[~sending].max(initial=0)


def test_equal_gains_do_not_switch_on_more_pairs():
    crosstalk = Crosstalk.dense(np.ones((3, 4, 4)))
    assert strongest(crosstalk, np.ones((3, 1, 4)), 0.5).sum(axis=-1).tolist() == [[2.0]] * 3


@pytest.mark.parametrize("proportion", [0.0, -0.1, 1.1, float("nan")])
def test_a_proportion_outside_its_range_is_refused(proportion):
    with pytest.raises(ValueError, match="proportion"):
        strongest(Crosstalk.dense(np.eye(2)), np.ones((1, 2)), proportion)


def test_the_best_proportion_is_best_for_the_batch(reference):
    data = np.load(reference / "d2d_gaussian.npz")
    crosstalk = Crosstalk.dense(np.abs(data["K20_H"].astype(complex)) ** 2)
    ones = np.ones((25, 1, 20))

    def mean_rate(proportion):
        return weighted_sum_rate(crosstalk, ones, 0.1 * ones, strongest(crosstalk, ones, proportion)).mean()

    best = best_proportion(crosstalk, ones, 0.1 * ones, ones)
    assert 0 < best < 0.5
    assert mean_rate(best) == max(mean_rate(senders / 20) for senders in range(1, 21))
    assert best_proportion(crosstalk, ones, 0.1 * ones, ones, (0.5, 1.0)) == 0.5
