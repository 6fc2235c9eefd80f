"""Across the circle, at finite shifts, on a wedge: the corner walk, minimax bounds, dual problems, free noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theorylab.random import generator
from theorylab.studies.projected_sgd_clt import averaged_covariance as exact
from theorylab.studies.projected_sgd_clt import (
    corner,
    dual_problems,
    kernels,
    lens,
    local_minimax,
    pictures,
    projected_sgd,
    row_sgd,
    sample_average,
)

PLANE = st.tuples(st.floats(-5, 5), st.floats(-5, 5))
COVARIANCE = np.array([[1.0, 0.3, 0.0], [0.3, 2.0, 0.5], [0.0, 0.5, 1.0]])


def test_corner_walk_is_projected_sgd_with_small_constant_steps():
    noise = generator(0, "corner").standard_normal((200, 3))
    walk = corner.corner_walk(noise[:, [0, 2]])
    eta, x = 1e-7, lens.STAR
    for k in range(200):
        x = lens.project(x - eta * (lens.UP + noise[k] * [1, 0, 1]))
        np.testing.assert_allclose((x - lens.STAR)[[0, 2]] / eta, walk[k], atol=1e-5)


def test_normal_sums_add_offset_and_curvature():
    eta, variance, total = np.arange(1, 31.0) ** -0.7, 0.0, 0.0
    for step in eta:
        variance = (1 - 0.5 * step) ** 2 * variance + step**2
        total += 0.4 * step + variance / (2 * np.sqrt(3))
    found = corner.normal_sums(0.4, 0.5, 0.7, [10, 30])
    assert found[1] == pytest.approx(total, rel=1e-13)
    np.testing.assert_allclose(corner.normal_mean(0.4, 0.5, 0.7, [10, 30]), -found / np.sqrt([10, 30]))
    with pytest.raises(ValueError, match="increasing"):
        corner.normal_sums(0.4, 0.5, 0.7, [30, 10])


def test_reflected_mean_is_that_of_absolute_values():
    steps, exponent, curvature = 400, 0.75, 0.5
    eta = np.arange(1, steps + 1.0) ** -exponent
    d, total = np.zeros(4000), np.zeros(4000)
    stream = generator(0, "reflected")
    for step in eta:
        d = (1 - step * curvature) * d - step * stream.standard_normal(len(d))
        total += np.abs(d)
    simulated = total / np.sqrt(steps)
    error = simulated.std() / np.sqrt(len(d))
    assert abs(simulated.mean() - corner.reflected_mean(curvature, exponent, steps)) < 5 * error
    ratio = corner.reflected_mean(0.5, 0.75, 10**6) / corner.reflected_mean_limit(0.5, 0.75, 10**6)
    assert ratio - 1 == pytest.approx(0.625 * 10**-1.5, rel=0.1)


def test_reflected_spread_is_the_sum_over_all_lags():
    t = np.linspace(1e-6, 40, 400_001)
    r = np.exp(-t)
    covariance = 2 / np.pi * (np.sqrt(1 - r**2) + r * np.arcsin(r) - 1)
    assert corner.reflected_spread(0.5) ** 2 == pytest.approx(4 * np.trapezoid(covariance, t), rel=1e-4)


def test_overshoot_is_the_zeta_value():
    # zeta(1/2) from the alternating series: eta(s) = (1 - 2^(1-s)) zeta(s), summed by pairs of partial means.
    signs = np.where(np.arange(1, 2_000_002) % 2, 1.0, -1.0) / np.sqrt(np.arange(1, 2_000_002))
    partial = np.cumsum(signs)
    half = (partial[-1] + partial[-2]) / 2 / (1 - np.sqrt(2))
    assert -half / np.sqrt(2 * np.pi) == pytest.approx(corner.OVERSHOOT, abs=1e-6)


@pytest.mark.parametrize("width", [0.5, 2.0, 10.0])
def test_bayes_risk_lies_between_van_trees_and_the_best_linear_estimator(width):
    risk = local_minimax.bayes_risk(width)
    assert local_minimax.van_trees_bound(width) < risk < local_minimax.linear_minimax(width)
    assert risk == pytest.approx(local_minimax.bayes_risk(width, nodes=700, spacing=0.01), rel=1e-10)
    draws = generator(0, "bayes").uniform(-width, width, 400_000)
    kept = draws[generator(1, "bayes").uniform(size=len(draws)) < np.cos(np.pi * draws / 2 / width) ** 2]
    # Any estimator has a larger Bayes risk; shrinking by the prior's variance is the best linear one.
    linear = kept.var() / (1 + kept.var())
    assert risk < linear * 1.01


def test_best_linear_estimator_balances_its_worst_shift():
    factor = 4 / 5
    assert local_minimax.shrunk_risk(factor, 2.0) == pytest.approx(local_minimax.linear_minimax(2.0))
    with pytest.raises(ValueError, match="positive"):
        local_minimax.van_trees_bound(0.0)


@settings(max_examples=200, deadline=None)
@given(PLANE, PLANE)
def test_wedge_projection_is_the_nearest_point(y, z):
    p, q = (np.array(kernels.project_wedge.py_func(*point)) for point in (y, z))
    assert p[0] <= 1e-12
    assert p[0] + np.sqrt(3) * p[1] <= 1e-12
    assert (np.array(y) - p) @ (q - p) <= 1e-12


def test_dual_problems_are_solved():
    edge, sphere = dual_problems.on_wedge(), dual_problems.on_ball(0.5)
    assert (edge.multipliers > 0.1).all()
    assert edge.drift[0, 0] == dual_problems.Q[2, 2]
    gradient = dual_problems.Q @ (edge.x - dual_problems.A)
    assert abs(gradient[2]) < 1e-14
    assert np.linalg.norm(sphere.x) == pytest.approx(0.5, rel=1e-12)
    pull = -dual_problems.Q @ (sphere.x - dual_problems.A)
    np.testing.assert_allclose(pull, sphere.multipliers[0] * sphere.x / 0.5, atol=1e-12)
    np.testing.assert_allclose(sphere.tangent.T @ sphere.x, 0, atol=1e-14)
    with pytest.raises(ValueError, match="smaller"):
        dual_problems.on_ball(5.0)


def test_noise_root_shapes_the_noise():
    root = np.linalg.cholesky(COVARIANCE)
    run = dict(seed=0, purpose="root", runs=2, checkpoints=[30])
    found = projected_sgd.simulate(noise_root=root, **run)
    noise = generator(0, "root", 1).standard_normal((30, 3)) @ root.T
    x, total = np.zeros(3), np.zeros(3)
    for k in range(1, 31):
        x = lens.project(x - k**-0.75 * (lens.UP + noise[k - 1]))
        total += x
    np.testing.assert_allclose(found.mean[0, 0, 1], total / 30, atol=1e-13)
    general = projected_sgd.simulate_affine(np.zeros((3, 3)), lens.UP, domain="lens", noise_root=root, **run)
    np.testing.assert_allclose(general.mean, found.mean, atol=1e-13)
    from theorylab.studies.projected_sgd_clt.vectorised_sgd import simulate_vectorised

    vectorised = simulate_vectorised(noise_root=root, device="cpu", draws="chain", **run)
    np.testing.assert_allclose(vectorised.mean, found.mean, atol=1e-13)
    with pytest.raises(ValueError, match="noise_root"):
        projected_sgd.simulate(noise_root=np.eye(2), **run)


def test_rows_are_the_formula_and_tilting_noise_is_a_gradient():
    mean, last = row_sgd.averaged_rows(row_sgd.tilting_noise(0.0), 0.75, seed=0, purpose="rows", runs=4, steps=25)
    stream, x, total = generator(0, "rows"), np.zeros((4, 3)), np.zeros((4, 3))
    for k in range(1, 26):
        x = lens.project(x - k**-0.75 * (lens.UP + stream.standard_normal((4, 3))))
        total += x
    np.testing.assert_allclose(mean, total / 25, atol=1e-14)
    np.testing.assert_allclose(last, x, atol=1e-14)
    # The gradient of <c, x> + g1 x1 + g3 x3 + g2 x2 (1 + t (x3 - sqrt 3)) by central differences.
    g, point, h = np.array([[0.3, -1.2, 0.7]]), np.array([[0.1, 0.4, 1.1]]), 1e-6

    def loss(x):
        return x @ lens.UP + g[0, 0] * x[0] + g[0, 2] * x[2] + g[0, 1] * x[1] * (1 + 0.6 * (x[2] - np.sqrt(3)))

    slopes = [(loss(point[0] + h * e) - loss(point[0] - h * e)) / (2 * h) for e in np.eye(3)]
    np.testing.assert_allclose(row_sgd.tilting_noise(0.6)(point, g)[0], slopes, atol=1e-9)


def test_sample_average_on_the_ball():
    noise = generator(0, "ball").standard_normal((50, 3))
    found = sample_average.ball_solutions(lens.UP, 4, noise)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)
    others = generator(1, "ball").standard_normal((200, 3))
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    values = (lens.UP + noise / 2) @ others.T
    assert (np.sum((lens.UP + noise / 2) * found, axis=1)[:, None] <= values + 1e-12).all()
    with pytest.raises(ValueError, match="at least 1"):
        sample_average.ball_solutions(lens.UP, 0, noise)


def test_excess_of_the_averaged_variance():
    excess = exact.averaged_variance(0.8, 0.6, 10**6) - 1 / 0.8**2
    assert excess == pytest.approx(10 ** (-0.4 * 6) / (2 * 0.8**3), rel=0.05)


def test_the_view_keeps_lengths_on_the_page():
    across, up = pictures.view(np.eye(3))
    assert up[2] == pytest.approx(np.cos(pictures.TILT))
    assert across[2] == 0
