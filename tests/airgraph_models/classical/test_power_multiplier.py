import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from airgraph_models.classical.power_multiplier import power_multiplier


@given(
    hnp.arrays(float, (5, 3), elements=st.floats(1e-6, 1e6)),
    hnp.arrays(float, (5, 3), elements=st.floats(0, 1e6)),
    hnp.arrays(float, (5,), elements=st.floats(1e-3, 1e3)),
)
def test_the_budget_is_met_to_a_billionth_or_the_multiplier_is_zero(eigenvalues, weight, budget):
    mu = power_multiplier(eigenvalues.T, weight.T, budget)
    power = (weight / (eigenvalues + mu[:, None]) ** 2).sum(axis=-1)
    assert (mu >= 0).all()
    assert (power <= budget * (1 + 1e-9)).all()
    used = mu > 0
    np.testing.assert_allclose(power[used], budget[used], rtol=1e-9)


def test_a_singular_matrix_is_no_obstacle():
    mu = power_multiplier(np.array([[0.0], [1.0]]), np.array([[4.0], [0.0]]), np.array([1.0]))
    np.testing.assert_allclose(mu, 2.0, rtol=1e-9)
    assert power_multiplier(np.array([[0.0], [1.0]]), np.array([[0.0], [0.25]]), np.array([1.0])) == 0
