"""Isotropic curvature model: each solver against an independent one, and the identities behind the theorems."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from theorylab.random import generator
from theorylab.studies.isotropic_curvature import (
    curvature,
    in_squares,
    kink,
    kink_conic,
    power_curvature,
    quartic,
    smoothed_kink,
    spectra,
    sphere,
    wide,
)
from theorylab.studies.isotropic_curvature.model import MatrixModel, ReducedProblem, along, descend, minimise

EXAMPLE = np.array([5.0, 2.0, 1.0, 0.3])
SMOOTH = [
    curvature.power(4.0),
    curvature.power(1.5),
    curvature.add(curvature.power(4.0), curvature.power(2.0)),
    curvature.gaussian_well(),
    curvature.hyperbolic_cosine(),
    curvature.pseudo_huber(),
    curvature.rational(),
    curvature.log_cosh(),
    curvature.log_linear(),
    curvature.ripple(),
    curvature.plateau(5.0, 2),
    curvature.smoothed_kink(0.1, 3.0, 1.0, 0.2),
]
spectrum = st.lists(st.floats(0.05, 20.0), min_size=2, max_size=6).map(np.array)


def independent_minimum(problem):
    """BFGS over log s from a start that has nothing to do with the theory."""

    def loss(y):
        s = np.exp(y)
        return problem.loss(s), problem.grad(s) * s

    found = minimize(loss, np.zeros(len(problem.sigma)), jac=True, method="BFGS", options={"gtol": 1e-11})
    return np.exp(found.x)


@pytest.mark.parametrize("dimension", [1, 2, 3, 4])
def test_octant_rule_reproduces_dirichlet_moments(dimension):
    x, w = sphere.octant(dimension, 8)
    s = np.linspace(1.0, 2.0, dimension)
    for order in (1, 2, 3, 5):
        assert w @ (x @ s**2) ** order == pytest.approx(sphere.even_moment(s, order), rel=1e-12)
    assert w.sum() == pytest.approx(1.0, abs=1e-14)


def test_even_moments_are_the_printed_polynomials_of_power_sums():
    s, n = np.array([1.0, 2.0, 0.5]), 5
    S, S4, S6 = (np.sum(s**k) for k in (2, 4, 6))
    assert sphere.even_moment(s, 2, n) == pytest.approx((S**2 + 2 * S4) / (n * (n + 2)), rel=1e-14)
    assert sphere.even_moment(s, 3, n) == pytest.approx(
        (S**3 + 6 * S * S4 + 8 * S6) / (n * (n + 2) * (n + 4)), rel=1e-14
    )


@pytest.mark.parametrize("power", [0.7, 1.1, 1.5, 1.95, 2.0, 2.05, 3.0, 4.0, 7.3, 22.0])
def test_laplace_integral_against_gauss_quadrature(power):
    s = np.array([3.0, 1.5, 0.5])
    x, w = sphere.octant(3, 60)
    r = np.sqrt(x @ s**2)
    assert sphere.power_moment(s, power) == pytest.approx(w @ r**power, rel=1e-12)
    np.testing.assert_allclose(sphere.power_weights(s, power), (w * r ** (power - 2)) @ x, rtol=1e-12)


def test_laplace_integral_in_a_larger_space_and_against_monte_carlo():
    s = np.array([2.0, 1.0, 0.4])
    u = sphere.draw(generator(0, "test", "sphere"), 400_000, 7)
    r = np.sqrt(u[:, :3] ** 2 @ s**2)
    for power in (1.3, 2.5, 5.0):
        error = np.std(r**power) / np.sqrt(len(r))
        assert abs(np.mean(r**power) - sphere.power_moment(s, power, 7)) < 5 * error


@settings(max_examples=60, deadline=None, derandomize=True)
@given(spectrum, st.floats(1.1, 6.0))
def test_weights_are_the_gradient_of_the_moment(s, power):
    # Euler: E r^p is homogeneous, so sum_i s_i^2 E[r^(p-2) u_i^2] gives it back.
    total = np.sum(s**2 * sphere.power_weights(s, power))
    assert total == pytest.approx(sphere.power_moment(s, power), rel=1e-11)


def test_power_averages_reject_what_they_cannot_do():
    with pytest.raises(ValueError, match="positive singular values"):
        sphere.power_moment(np.array([1.0, 0.0]), 3.0)
    with pytest.raises(ValueError, match="power must be positive"):
        sphere.power_moment(np.ones(2), -1.0)
    with pytest.raises(ValueError, match="smaller than the number"):
        sphere.even_moment(np.ones(3), 1, dimension=2)
    with pytest.raises(ValueError, match="octant needs"):
        sphere.octant(0, 3)


@pytest.mark.parametrize("curve", SMOOTH, ids=lambda c: c.name)
def test_curvature_derivatives(curve):
    r, h = np.linspace(0.2, 3.0, 23), 1e-5
    np.testing.assert_allclose(
        curve.slope(r), (curve.value(r + h) - curve.value(r - h)) / (2 * h), rtol=1e-7, atol=1e-7
    )
    np.testing.assert_allclose(curve.bend(r), (curve.slope(r + h) - curve.slope(r - h)) / (2 * h), rtol=1e-6, atol=1e-6)
    assert abs(curve.value(np.array(1e-9))) < 1e-7


@pytest.mark.parametrize("curve", SMOOTH[:5], ids=lambda c: c.name)
def test_newton_against_bfgs(curve):
    problem = ReducedProblem.of([2.0, 1.0, 0.5], curve)
    found = minimise(problem)
    assert found.attained
    assert found.residual < 1e-12
    np.testing.assert_allclose(found.s, independent_minimum(problem), rtol=2e-6)


def test_reduced_gradient_and_hessian_by_differences():
    problem = ReducedProblem.of([2.0, 1.0, 0.5], curvature.gaussian_well())
    s, h = np.array([0.9, 0.7, 0.4]), 1e-6
    for i, e in enumerate(np.eye(3)):
        assert (problem.loss(s + h * e) - problem.loss(s - h * e)) / (2 * h) == pytest.approx(
            problem.grad(s)[i], rel=1e-7
        )
        np.testing.assert_allclose(
            (problem.grad(s + h * e) - problem.grad(s - h * e)) / (2 * h), problem.hessian(s)[i], rtol=1e-6
        )


def test_matrix_model_is_the_reduced_problem_in_the_singular_basis():
    stream = generator(0, "test", "rotation")
    U, V = (np.linalg.qr(stream.standard_normal((3, 3)))[0] for _ in range(2))
    sigma, s = np.array([2.0, 1.0, 0.5]), np.array([0.9, 0.7, 0.4])
    curve = curvature.gaussian_well()
    model = MatrixModel(U @ np.diag(sigma) @ V.T, curve, *sphere.directions(3, 24))
    reduced = ReducedProblem.of(sigma, curve)
    Q = U @ np.diag(s) @ V.T
    assert model.loss(Q) == pytest.approx(reduced.loss(s), rel=1e-12)
    np.testing.assert_allclose(U.T @ model.grad(Q) @ V, np.diag(reduced.grad(s)), atol=1e-12)
    # The loss accepts a stack of matrices.
    np.testing.assert_allclose(model.loss(np.stack([Q, 2 * Q])), [model.loss(Q), model.loss(2 * Q)])


def test_whole_matrix_descent_finds_the_reduced_minimiser():
    stream = generator(0, "test", "descent")
    G = stream.standard_normal((2, 3))
    U, sigma, Vh = np.linalg.svd(G, full_matrices=False)
    found = descend(MatrixModel(G, curvature.power(4.0), *sphere.directions(3, 4)), stream.standard_normal((2, 3)))
    np.testing.assert_allclose(found, U @ np.diag(quartic.solve(sigma, 3).s) @ Vh, atol=1e-6)


def test_divergence_is_reported():
    assert not minimise(ReducedProblem.of([1.0, 0.5, 0.1], curvature.pseudo_huber())).attained
    assert minimise(ReducedProblem.of([0.4, 0.2, 0.04], curvature.pseudo_huber())).attained
    assert along(ReducedProblem.of([1.0, 1.0], curvature.power(2.0)), np.ones(2)) == pytest.approx(1.0)


def test_quartic_example_against_bfgs():
    found = quartic.solve(EXAMPLE, factor=0.7).s
    np.testing.assert_allclose(found, [2.29503, 1.41297, 0.88356, 0.30869], atol=5e-6)
    assert quartic.loss(found, EXAMPLE, 4, 0.7) == pytest.approx(-11.4579, abs=5e-5)
    bfgs = minimize(lambda s: quartic.loss(s, EXAMPLE, 4, 0.7), np.ones(4), method="BFGS", options={"gtol": 1e-9})
    np.testing.assert_allclose(found, bfgs.x, rtol=1e-5)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(spectrum, st.floats(0.01, 100.0), st.integers(0, 5))
def test_quartic_stationarity(sigma, factor, extra):
    n = len(sigma) + extra
    found = quartic.solve(sigma, n, factor)
    assert quartic.relative_residual(found.s, sigma, n, factor) < 1e-14
    assert found.iterations <= 12
    assert quartic.ratio_error(found.s, sigma) < 1e-13


def test_quartic_batches_and_ties_and_zeros():
    sigma = np.array([[3.0, 1.0, 1.0], [2.0, 2.0, 0.0]])
    batch = quartic.solve(sigma).s
    np.testing.assert_allclose(batch, [quartic.solve(row).s for row in sigma], rtol=1e-14)
    assert batch[0, 1] == batch[0, 2]
    assert batch[1, 2] == 0
    with pytest.raises(ValueError, match="nonnegative"):
        quartic.solve([1.0, -1.0])


@pytest.mark.parametrize("power", [1.3, 2.0, 2.5, 4.0, 6.0])
def test_power_solver_against_newton_and_its_contraction(power):
    sigma = np.array([2.0, 1.0, 0.5])
    found = power_curvature.solve(sigma, power, factor=0.7)
    # The quadrature, unlike the Laplace integral, has an error for powers that are not even.
    newton = minimise(ReducedProblem.of(sigma, curvature.power(power, 0.7), order=60)).s
    np.testing.assert_allclose(found.s, newton, rtol=1e-9)
    if power == 4.0:
        np.testing.assert_allclose(found.s, quartic.solve(sigma, factor=0.7).s, rtol=1e-12)
    bound = np.log(1e-13 / 5) / np.log(abs(power - 2) / power) if power != 2 else 2
    assert found.iterations <= bound + 2


@settings(max_examples=25, deadline=None, derandomize=True)
@given(spectrum, st.floats(2.05, 8.0))
def test_homogenization_by_at_most_the_exponent_minus_one(sigma, power):
    best = power_curvature.solve(sigma, power).s
    ratio = spectra.condition(best) / spectra.condition(sigma)
    assert 1 / (power - 1) - 1e-12 <= ratio <= 1 + 1e-12
    assert power_curvature.efficiency(best, sigma, power, best) == pytest.approx(1.0)
    assert power_curvature.efficiency(sigma, sigma, power, best) <= 1 + 1e-12


def test_power_solver_errors():
    with pytest.raises(ValueError, match="exceed 1"):
        power_curvature.solve(np.ones(2), 1.0)
    with pytest.raises(RuntimeError, match="no convergence"):
        power_curvature.solve(EXAMPLE, 6.0, max_iterations=2)


CASES = [((0.1, 50), True), ((1.9, 50), True), ((0.1, 4), False), ((2.2, 50), False), ((0.1, 3.2), False)]


@pytest.mark.parametrize(("slopes", "optimal"), CASES)
def test_kink_criterion_against_the_cone_program(slopes, optimal):
    sigma, case = np.array([2.0, 1.0]), kink.Kink(*slopes)
    found = kink_conic.minimise(sigma, case)
    assert (kink.minimum_slack(sigma, case) >= 0) == optimal
    assert (found.status != "unbounded" and np.max(np.abs(found.s - 1)) < 1e-4) == optimal


def test_sufficient_implies_criterion_implies_necessary():
    stream = generator(0, "test", "kink")
    for _ in range(40):
        n = int(stream.integers(2, 4))
        sigma, below = stream.uniform(0.5, 2.0, n), stream.uniform(0.0, 2.0)
        case = kink.Kink(below, below + stream.uniform(1.0, 10.0))
        optimal = kink.minimum_slack(sigma, case) >= -1e-9
        assert optimal or not kink.sufficient(sigma, case)
        assert kink.necessary(sigma, case) or not optimal


@pytest.mark.parametrize("cond", [1.5, 5.0, 30.0])
@pytest.mark.parametrize(("dimension", "shape"), [(2, "spike"), (3, "spike"), (3, "inverse spike")])
def test_threshold_is_where_the_slack_vanishes(cond, dimension, shape):
    ratio, sigma = kink.threshold(cond, dimension, shape), kink.matched_spectrum(cond, dimension, shape)
    assert spectra.condition(sigma) == pytest.approx(cond, rel=1e-10)
    assert abs(kink.minimum_slack(sigma, kink.Kink(1.0, ratio), order=2000 if dimension == 2 else 100)) < 2e-3 * ratio
    assert kink.minimum_slack(sigma, kink.Kink(1.03**-0.5, ratio * 1.03**0.5)) > 0
    assert kink.minimum_slack(sigma, kink.Kink(0.97**-0.5, ratio * 0.97**0.5)) < 0


def test_threshold_against_the_definition_by_linear_programme():
    x, weights = sphere.octant(3, 24)
    assert kink_conic.smallest_ratio([5.0, 1.0, 1.0], x, weights) == pytest.approx(kink.threshold(5, 3), rel=1 / 24)


@pytest.mark.parametrize("shape", ["spike", "inverse spike"])
def test_threshold_tends_to_the_normal_limit(shape):
    for cond in (1.5, 5.0, 20.0):
        assert kink.threshold(cond, 10**7, shape) == pytest.approx(
            kink.threshold_in_the_limit(cond, shape), rel=max(cond**2, 4) / 10**7
        )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.floats(0, 6.28), st.floats(0.1, 3), st.floats(0.1, 3), st.floats(0.0, 1.0), st.floats(0.5, 20))
def test_closed_slack_in_the_plane_against_the_rule(angle, s1, s2, below, jump):
    w, case = np.array([[np.cos(angle), np.sin(angle)]]), kink.Kink(below, below + jump)
    rule = kink.slack(w, np.array([s1, s2]), case, *sphere.octant(2, 1000))
    np.testing.assert_allclose(kink.slack_in_the_plane(w, [s1, s2], case), rule, atol=10 * jump / 1000**2)


def test_shortest_subgradient_vanishes_exactly_when_the_criterion_holds():
    rule = sphere.octant(2, 200)
    for slopes, optimal in CASES:
        case = kink.Kink(*slopes)
        shortest = kink.smallest_subgradient([2.0, 1.0], case, *rule)
        assert (shortest < 1e-6) == optimal
        # The distance to a convex set is the largest violation of the inequalities that describe it.
        if not optimal:
            assert shortest == pytest.approx(-kink.minimum_slack_in_the_plane([2.0, 1.0], case), rel=1e-3)


def test_exchangeable_rule_treats_coordinates_alike():
    x, weights = sphere.exchangeable(3, 5, count=2)
    assert weights.sum() == pytest.approx(1.0, abs=1e-14)
    for f in (np.sqrt, lambda t: np.maximum(t - 0.3, 0)):
        assert weights @ f(x[:, 0]) == pytest.approx(weights @ f(x[:, 1]), rel=1e-13)
    s = np.array([1.3, 0.4])
    assert weights @ (x @ s**2) ** 2 == pytest.approx(sphere.even_moment(s, 2, 3), rel=1e-12)


def test_program_in_squares_against_stationarity_and_with_zeros_and_ties():
    x, weights = sphere.exchangeable(3, 8)
    # One piece is the quadratic: s = n sigma / (2 c).
    np.testing.assert_allclose(in_squares.minimise([3.0, 2.0, 1.0], [(0.5, 0.0)], x, weights), [9, 6, 3], rtol=1e-5)
    s = in_squares.minimise([3.0, 3.0, 0.0], in_squares.PIECES, x, weights)
    assert s[0] == pytest.approx(s[1], rel=1e-6)
    assert s[2] < 1e-4
    np.testing.assert_allclose(in_squares.value(in_squares.PIECES, np.array([0.5, 1.0, 2.0])), [0.5, 1.0, 6.0])
    with pytest.raises(RuntimeError, match="increasing"):
        in_squares.minimise([1.0, 1.0, 1.0], [(-1.0, 0.0)], x, weights)


@pytest.mark.parametrize("slopes", [(0.1, 10.0), (3.0, 50.0)])
def test_wide_optimum_against_the_cone_program(slopes):
    case = kink.Kink(*slopes)
    exact = wide.minimise([2.0, 1.0], case)
    np.testing.assert_allclose(wide.gradient(exact, [2.0, 1.0], case), 0, atol=1e-8)
    found = kink_conic.minimise([2.0, 1.0], case, order=40, dimension=3).s
    np.testing.assert_allclose(found, exact, atol=3e-3)


def test_wide_gradient_against_a_fine_rule_and_its_limit():
    x, weights = sphere.octant(3, 300)
    s, case = np.array([1.2, 0.9]), kink.Kink(0.4, 3.0)
    problem = ReducedProblem(np.array([2.0, 1.0]), case, x[:, 1:], weights)
    np.testing.assert_allclose(wide.gradient(s, [2.0, 1.0], case), problem.grad(s), atol=1e-2)
    assert wide.mean_projection(2, 3) == pytest.approx(np.pi / 4, rel=1e-14)
    assert wide.mean_projection(3, 3) == pytest.approx(1.0, rel=1e-14)
    assert wide.hard_wall([2.0, 1.0], 2.5)[1] == 1.0
    assert wide.hard_wall([2.0, 1.0], 2.6)[1] < 1
    with pytest.raises(ValueError, match="radius one"):
        wide.gradient(s, [2.0, 1.0], kink.Kink(0.1, 1.0, radius=2.0))


def test_spike_and_inverse_spike_agree_in_two_dimensions():
    for cond in (1.1, 3.0, 100.0):
        assert kink.threshold(cond, 2) == pytest.approx(kink.threshold(cond, 2, "inverse spike"), rel=1e-12)


def test_kink_errors():
    with pytest.raises(ValueError, match="below < above"):
        kink.Kink(2.0, 1.0)
    with pytest.raises(ValueError, match="two or three"):
        kink.minimum_slack(np.ones(4), kink.Kink(0, 1))
    with pytest.raises(ValueError, match="shape must be"):
        kink.threshold(3.0, 3, "flat")


def test_smoothed_kink_against_newton_on_the_reduced_problem():
    sigma, case = kink.matched_spectrum(3, 2), kink.Kink(0.7, 1.4 * kink.threshold(3, 2))
    z = smoothed_kink.minimise(sigma, case, [0.3, 0.1])[-1]
    curve = curvature.smoothed_kink(case.below, case.above, 1.0, 0.1)
    newton = minimise(ReducedProblem.of(sigma, curve, order=400)).s
    np.testing.assert_allclose(1 + 0.1 * z, newton, rtol=1e-9)
