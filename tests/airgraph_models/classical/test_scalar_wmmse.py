import numpy as np
import pytest
from hypothesis import given
from instances import power_controls

from airgraph_models.classical.scalar_wmmse import Crosstalk, scalar_wmmse
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import POWER_CONTROL, PowerControl

SIZES = (5, 10, 20, 30, 50)


def reference_instances(reference, pairs, prefix=""):
    data = np.load(reference / "d2d_gaussian.npz")
    gains = np.abs(data[f"K{pairs}_H"].astype(complex)) ** 2
    weights = data[f"K{pairs}_weights"] if prefix else np.ones(gains.shape[:2])
    instances = [
        PowerControl.create(gain, weights=weight, noise_power=float(data["sigma2"]))
        for gain, weight in zip(gains, weights, strict=False)
    ]
    return instances, data[f"K{pairs}_{prefix}wmmse_rate"]


@pytest.mark.parametrize("pairs", SIZES)
@pytest.mark.parametrize("prefix", ["", "w_"])
def test_hundred_iterations_from_full_power_equal_the_stored_rate_of_every_instance(reference, pairs, prefix):
    instances, stored = reference_instances(reference, pairs, prefix)
    solved = POWER_CONTROL.solve(instances, Stopping(100))
    assert len(solved) == len(stored) > 0
    for result, rate in zip(solved, stored, strict=True):
        assert result.objective == pytest.approx(rate, rel=1e-6)


@given(power_controls())
def test_the_objective_never_falls(instance):
    rng = np.random.default_rng(0)
    start = (rng.uniform(size=instance.size) * instance.max_power)[None]
    previous = POWER_CONTROL.objective(instance, start[0])
    for iterations in range(1, 12):
        result = POWER_CONTROL.refine([instance], [start], Stopping(iterations))[0]
        assert result.objective >= previous - 1e-9 * abs(previous)
        assert result.iterations == iterations
        previous = result.objective


def test_a_batch_gives_each_instance_its_answer_alone(reference):
    instances, _ = reference_instances(reference, 10)
    together = POWER_CONTROL.solve(instances, Stopping(30))
    for instance, result in zip(instances, together, strict=True):
        alone = POWER_CONTROL.solve([instance], Stopping(30))[0]
        np.testing.assert_allclose(result.allocation, alone.allocation, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("gain", "weights", "start"),
    [
        (np.zeros((3, 3)), np.ones(3), np.ones(3)),
        (np.ones((3, 3)), np.zeros(3), np.ones(3)),
        (np.ones((3, 3)), np.ones(3), np.zeros(3)),
        (np.diag([1e20, 1.0, 0.0]), np.ones(3), np.ones(3)),
    ],
    ids=["no gain at all", "all weights zero", "zero start", "260 dB between users"],
)
def test_degenerate_instances_stay_finite(gain, weights, start):
    row = np.ones((1, 3))
    solution = scalar_wmmse(Crosstalk.dense(gain), weights[None], 1e-6 * row, row, start[None], Stopping(20))
    assert np.isfinite(solution.power).all()
    assert (solution.power >= 0).all()
    assert (solution.power <= 1).all()


def test_it_stops_when_converged_and_when_told(reference):
    instances, _ = reference_instances(reference, 10)
    converged = POWER_CONTROL.solve(instances[:1], Stopping(10_000, tolerance=1e-6))[0]
    assert 1 < converged.iterations < 1_000
    asked = iter([False, False, True])
    told = POWER_CONTROL.solve(instances[:1], Stopping(100, expired=lambda: next(asked)))[0]
    assert told.iterations == 2
