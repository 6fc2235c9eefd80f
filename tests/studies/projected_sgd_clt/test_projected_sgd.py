"""Projected SGD on the lens: projection, compiled and vectorised chains, exact covariances, errors."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from theorylab.random import generator
from theorylab.studies.projected_sgd_clt import (
    alternating_projection,
    disc_game,
    generic_tilts,
    kernels,
    lens,
    lens_conditions,
    limit_law,
    logistic_sgd,
    projected_sgd,
    sample_average,
)
from theorylab.studies.projected_sgd_clt import averaged_covariance as exact
from theorylab.studies.projected_sgd_clt.stepsizes import dual_weights, stepsizes
from theorylab.studies.projected_sgd_clt.vectorised_sgd import simulate_vectorised

POINTS = arrays(float, (3,), elements=st.floats(-6, 6, allow_subnormal=False))
SMALL = dict(seed=0, purpose="test", runs=3, checkpoints=[7, 40])


@settings(max_examples=200, deadline=None)
@given(POINTS, POINTS)
def test_projection_is_the_nearest_point(y, z):
    p, q = lens.project(y), lens.project(z)
    assert lens.contains(p, 1e-14)
    assert (y - p) @ (q - p) <= 1e-12
    assert np.linalg.norm(p - q) <= np.linalg.norm(y - z) + 1e-12
    np.testing.assert_allclose(kernels.project_lens.py_func(*y), p, rtol=0, atol=1e-14)


def test_projection_on_the_axis_and_in_torch():
    axis = np.array([[5.0, 0, 0], [-5, 0, 0], [0, 0, 9], [0.5, 0, 0], [0, -9, 0]])
    root = lens.ROOT3
    expected = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 0, root], [0.5, 0, 0], [0, -root, 0]])
    np.testing.assert_allclose(lens.project(axis), expected, atol=1e-15)
    many = 3 * generator(0, "torch").standard_normal((500, 3))
    np.testing.assert_allclose(lens.project(torch.as_tensor(many)).numpy(), lens.project(many), atol=1e-15)


def test_dykstra_finds_the_projection_and_plain_alternation_does_not():
    y = 2.5 * generator(0, "dykstra").standard_normal((200, 3))
    np.testing.assert_allclose(alternating_projection.alternate(y, 1000), lens.project(y), atol=1e-11)
    plain = alternating_projection.alternate(y, 1000, correction=False)
    assert np.mean(np.linalg.norm(plain - lens.project(y), axis=1) > 1e-6) > 0.1
    with pytest.raises(ValueError, match="sweeps"):
        alternating_projection.alternate(y, 0)


@settings(max_examples=100, deadline=None)
@given(POINTS.filter(lambda h: np.linalg.norm(h) > 1e-3), POINTS)
def test_support_point_maximises(h, z):
    best = lens.support_point(h)
    assert lens.contains(best, 1e-14)
    assert h @ lens.project(z) <= h @ best + 1e-12
    assert lens.on_corner(h) == (best[0] == 0) or abs(h[0]) < 1e-12


def test_support_point_of_nothing():
    with pytest.raises(ValueError, match="nonzero objective"):
        lens.support_point([0.0, 0, 0])


def replay(exponent, objective, run, steps):
    noise = generator(0, "test", run).standard_normal((steps, 3))
    x, total, hits = np.zeros(3), np.zeros(3), 0
    for k in range(1, steps + 1):
        x = lens.project(x - k**-exponent * (objective + noise[k - 1]))
        total += x
        hits += x[0] == 0
    return total / steps, x, hits


@pytest.mark.parametrize("block", [1, 16, 8192])
def test_compiled_chains_are_the_formula_whatever_the_block(block):
    found = projected_sgd.simulate([lens.UP, lens.PRINTED], [0.75, 0.6], block=block, **SMALL)
    assert found.mean.shape == (2, 2, 3, 3)
    for lane, (exponent, objective) in enumerate([(0.75, lens.UP), (0.6, lens.PRINTED)]):
        for run in range(3):
            mean, last, hits = replay(exponent, objective, run, 40)
            np.testing.assert_allclose(found.mean[1, lane, run], mean, atol=1e-13)
            np.testing.assert_allclose(found.last[1, lane, run], last, atol=1e-13)
            assert found.on_circle[1, lane, run] == hits


def test_a_chain_does_not_depend_on_those_beside_it():
    many = projected_sgd.simulate(seed=0, purpose="test", runs=5, checkpoints=[40])
    np.testing.assert_array_equal(many.mean[0, 0, :3], projected_sgd.simulate(**SMALL).mean[1, 0])


def test_vectorised_chains_are_the_same_on_the_same_draws():
    run = dict(seed=0, purpose="same", runs=20, checkpoints=[10, 500])
    for objective, exponent in [(lens.UP, 0.75), ([lens.UP, lens.PRINTED], [0.6, 0.9])]:
        compiled = projected_sgd.simulate(objective, exponent, **run)
        vectorised = simulate_vectorised(objective, exponent, device="cpu", draws="chain", **run)
        np.testing.assert_allclose(vectorised.mean, compiled.mean, atol=1e-13)
        np.testing.assert_allclose(vectorised.last, compiled.last, atol=1e-12)
        np.testing.assert_array_equal(vectorised.on_circle, compiled.on_circle)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_vectorised_chains_have_the_same_law_on_their_own_draws(device):
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    run = dict(seed=0, purpose="law", runs=2000, checkpoints=[400])
    compiled = projected_sgd.simulate(**run).deviations(lens.STAR)[0, 0]
    vectorised = simulate_vectorised(device=device, **run).deviations(lens.STAR)[0, 0]
    assert not np.allclose(compiled, vectorised)
    for axis in range(3):
        assert stats.ks_2samp(compiled[:, axis], vectorised[:, axis]).pvalue > 1e-4
    V = exact.averaged_variance(lens.CURVATURE, 0.75, 400)
    assert abs(limit_law.variance_z(vectorised[:, 1], 1.02 * V)) < 5


def test_affine_chains_are_the_formula():
    A, b = np.array([[1.0, 0.5], [-0.5, 2.0]]), np.array([-1.0, -0.5])
    projections = {
        "free": lambda y: y,
        "ball": lambda y: y / max(1, np.linalg.norm(y) / 0.5),
        "half-space": lambda y: np.array([min(y[0], 0), y[1]]),
        "discs": lambda y: y / max(1, np.linalg.norm(y) / 0.5),
    }
    for domain, project in projections.items():
        for method in ("SGD", "DA"):
            run = dict(domain=domain, radius=0.5, method=method, **SMALL)
            found = projected_sgd.simulate_affine(A, b, 0.75, **run)
            noise = generator(0, "test", 2).standard_normal((40, 2))
            x, z, total = np.zeros(2), np.zeros(2), np.zeros(2)
            for k in range(1, 41):
                z = (z if method == "DA" else -x) + k**-0.75 * (A @ x + b + noise[k - 1])
                x = project(-z)
                total += x
            np.testing.assert_allclose(found.mean[1, 0, 2], total / 40, atol=1e-13)


def test_affine_kernel_agrees_with_the_lens_kernel():
    general = projected_sgd.simulate_affine(np.zeros((3, 3)), lens.UP, 0.75, domain="lens", **SMALL)
    np.testing.assert_allclose(general.mean, projected_sgd.simulate(**SMALL).mean, atol=1e-14)


@pytest.mark.parametrize("exponent", [0.0, -0.5, 2.1])
def test_a_step_exponent_outside_the_range_is_named(exponent):
    with pytest.raises(ValueError, match=r"exponents must lie in \(0, 2\]"):
        projected_sgd.simulate(exponents=exponent, **SMALL)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(runs=0), "runs must be at least 1"),
        (dict(start=(0, 0, 1.8)), "start must be a point of the lens"),
        (dict(start=(0, 0)), "start must be a point of the lens"),
        (dict(checkpoints=[10, 5]), "increasing"),
        (dict(checkpoints=[]), "increasing"),
        (dict(exponents=[0.6, 0.7], objectives=[lens.UP] * 3), "paired into lanes"),
        (dict(objectives=[0.0, 1.0]), "2 entries"),
        (dict(device="tpu"), "device must be one of"),
    ],
)
@pytest.mark.parametrize("simulate", [projected_sgd.simulate, simulate_vectorised])
def test_bad_input_is_named(simulate, change, message):
    with pytest.raises(ValueError, match=message):
        simulate(**{**SMALL, **change})


@pytest.mark.skipif(torch.cuda.is_available(), reason="the device is there")
def test_a_device_that_is_not_there():
    with pytest.raises(RuntimeError, match="no CUDA device"):
        projected_sgd.simulate(device="cuda", **SMALL)


def test_bad_input_of_the_other_functions_is_named():
    square = np.eye(2)
    with pytest.raises(ValueError, match="draws"):
        simulate_vectorised(draws="numpy", **SMALL)
    with pytest.raises(ValueError, match="method"):
        projected_sgd.simulate_affine(square, [0, 0], method="Adam", **SMALL)
    with pytest.raises(ValueError, match="domain must be"):
        projected_sgd.simulate_affine(square, [0, 0], domain="cube", **SMALL)
    with pytest.raises(ValueError, match="does not exist in dimension 2"):
        projected_sgd.simulate_affine(square, [0, 0], domain="lens", **SMALL)
    with pytest.raises(ValueError, match="square"):
        projected_sgd.simulate_affine(np.ones((2, 3)), [0, 0, 0], **SMALL)
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        dual_weights(1.0, 1, 3)
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        exact.dual_averaging_limit(1.0)
    with pytest.raises(ValueError, match="steps must be at least 1"):
        exact.averaged_variance(0.5, 0.75, 0)
    with pytest.raises(ValueError, match="eigenvectors"):
        exact.averaged_covariance([[1.0, 1.0], [0.0, 1.0]], 0.75, 10)
    with pytest.raises(ValueError, match="at least 1"):
        sample_average.saa_solutions(lens.UP, 0, np.zeros((1, 3)))
    with pytest.raises(ValueError, match="two runs"):
        limit_law.variance_z([1.0], 1.0)
    with pytest.raises(ValueError, match="boundary"):
        lens_conditions.conditions((0, 0, -1), (0, 0, 0))


def test_stepsizes_are_powers():
    np.testing.assert_allclose(stepsizes([0.5, 1.0], 4, 2), [[0.5, 5**-0.5], [0.25, 0.2]])
    np.testing.assert_allclose(dual_weights(0.0, 9, 3), [[1, 1, 1]])


def test_averaged_covariance_is_the_covariance_of_the_recursion():
    A = np.array([[1.0, -0.4], [0.3, 0.7]])
    steps, exponent, scale = 40, 0.7, 0.8
    weights = np.zeros((steps, 2, 2))
    for j in range(1, steps + 1):
        reach, carried = np.zeros((2, 2)), np.eye(2)
        for i in range(j, steps + 1):
            carried = carried if i == j else (np.eye(2) - scale * i**-exponent * A) @ carried
            reach += carried
        weights[j - 1] = scale * j**-exponent * reach
    brute = np.einsum("jab,jcb->ac", weights, weights) / steps
    np.testing.assert_allclose(exact.averaged_covariance(A, exponent, steps, scale), brute, rtol=1e-12)


def test_limits_of_the_exact_variances():
    assert exact.averaged_variance(lens.CURVATURE, 0.55, 10**6) == pytest.approx(3, rel=3e-3)
    assert exact.dual_averaging_variance(0.0, 10**6) == pytest.approx(2, rel=1e-3)
    assert exact.dual_averaging_limit(0.25) == pytest.approx(3)
    assert exact.dual_averaging_limit(0.5) == np.inf
    steps = 10**5
    assert exact.last_variance(0.5, 0.75, steps) == pytest.approx(steps**-0.75, rel=0.05)


def test_batch_means_cover_independent_noise():
    stream = generator(0, "batches")
    edges = limit_law.batch_edges(4096, 12, 0.5)
    assert edges[-1] == 4096
    sums = np.cumsum(stream.standard_normal((4096, 1500)), axis=0)
    centre, half = limit_law.batch_mean_intervals(edges, sums[edges - 1] / edges[:, None])
    assert np.mean(np.abs(centre) <= half) == pytest.approx(0.95, abs=0.025)


def test_conditions_name_the_multipliers_and_the_missing_one():
    import sympy as sp

    found = lens_conditions.conditions((sp.Rational(-1, 2), 0, -sp.sqrt(3) / 2), (0, 0, sp.sqrt(3)))
    assert found.multipliers == (0, sp.Rational(1, 4))
    assert found.residual.is_zero_matrix
    assert not lens_conditions.conditions((0, -1, 0), (0, 0, sp.sqrt(3))).residual.is_zero_matrix


def test_equilibrium_solves_the_variational_inequality():
    game = disc_game.rotation_game()
    nash = disc_game.equilibrium(game)
    F = game.G @ nash.x + game.offset
    angles = generator(0, "plays").uniform(0, 2 * np.pi, (500, 2))
    plays = np.stack([np.cos(angles[:, 0]), np.sin(angles[:, 0]), np.cos(angles[:, 1]), np.sin(angles[:, 1])], axis=1)
    assert ((plays - nash.x) @ F >= -1e-12).all()
    with pytest.raises(RuntimeError, match="did not settle"):
        disc_game.equilibrium(game, limit=2)
    with pytest.raises(ValueError, match="interior"):
        disc_game.equilibrium(game._replace(offset=np.zeros(4)))


def test_random_tilts_are_regular_and_a_normal_one_is_not():
    problem = generic_tilts.random_problem(generator(0, "tilts"))
    rows = generic_tilts.regularity(problem, generator(1, "tilts").standard_normal((5, 4)))
    assert min(min(row.margin, row.independence, row.curvature) for row in rows) > 1e-4
    (bad,) = generic_tilts.regularity(problem, generic_tilts.tilt_normal_to_one_face(problem))
    assert abs(bad.margin) < 1e-10
    apart = problem._replace(b=np.full(len(problem.b), 5.0))
    with pytest.raises(ValueError, match="no two faces"):
        generic_tilts.tilt_normal_to_one_face(apart)


def test_logistic_information_is_the_hessian():
    theta = np.array([0.8, -0.4, 0.4])
    z = generator(0, "information").standard_normal((400_000, 3))
    p = 1 / (1 + np.exp(-z @ theta))
    sampled = (z * (p * (1 - p))[:, None]).T @ z / len(z)
    np.testing.assert_allclose(logistic_sgd.information(theta), sampled, atol=3e-3)
    mean, last = logistic_sgd.averaged_logistic(theta, 0.7, 4.0, 2000, 50, generator(0, "chains"))
    assert np.linalg.norm(mean.mean(axis=0) - theta) < 0.15
    assert last.shape == (50, 3)
