"""Oracle tests: every broximal operator against a solver that is told neither the minimiser nor the multiplier."""

from fractions import Fraction

import numpy as np
import pytest

from theorylab.problems.broximal import brox_by_projected_gradient, brox_by_prox
from theorylab.problems.polyhedral import ConicBall
from theorylab.random import generator
from theorylab.studies.broximal_point.brox_family import CLOSED_FORM, CONIC, FAMILY, NEWTON, member
from theorylab.studies.broximal_point.on_the_line import (
    BumpyModulus,
    cosine_bowl,
    rippled_modulus,
    symmetric_double_well,
    tilted_double_well,
    wide_double_well,
)
from theorylab.studies.broximal_point.other_balls import (
    MAX_NORM_COUNTEREXAMPLE,
    SPECTRAL_COUNTEREXAMPLE,
    BoxLeastSquares,
    spectral_brox_conic,
)
from theorylab.studies.broximal_point.tight_chain import certify_chain


def start(problem, name, distance=1.0):
    return problem.start(distance, generator(0, "operator test", name))


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("radius", [0.1071, 0.6])
def test_operator_agrees_with_the_conic_solver(name, radius):
    problem = member(name, 8, seed=1)
    x = start(problem, name)
    exact, conic = problem.brox(x, radius), ConicBall(problem).solve(x, radius)
    scale = problem.gap(x)
    assert abs(problem.gap(exact.point) - problem.gap(conic.point)) <= 1e-8 * scale + 2e-8  # Clarabel's own gap
    assert np.linalg.norm(exact.point - conic.point) <= 1e-3 * radius  # weakly determined directions at cond 1e6
    assert exact.multiplier == pytest.approx(conic.multiplier, rel=1e-2)


@pytest.mark.parametrize("name", [*CLOSED_FORM, *NEWTON])
def test_a_ball_that_holds_a_minimiser_returns_one_with_multiplier_zero(name):
    problem = member(name, 8, seed=1)
    step = problem.brox(start(problem, name, 0.5), 0.51)
    assert step.multiplier == 0.0
    assert problem.gap(step.point) <= 1e-15 * max(1.0, abs(problem.min_loss))


@pytest.mark.parametrize("name", FAMILY)
def test_the_stated_minimiser_is_one(name):
    """Independent of everything else: an unconstrained conic solve does not find a lower value."""
    problem = member(name, 8, seed=2)
    far = ConicBall(problem).solve(np.zeros(8), 100.0)
    assert problem.loss(far.point) >= problem.min_loss - 1e-7 * max(1.0, abs(problem.min_loss))
    assert problem.distance(problem.solution) <= 1e-14
    assert problem.gap(problem.solution) == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("name", ["quadratic 10", "logistic", "pseudo-Huber"])
def test_projected_gradient_agrees(name):
    problem = member(name, 6, seed=0)
    x = start(problem, name)
    u = brox_by_projected_gradient(problem.gradient, problem.lipschitz, x, 0.3137)
    assert np.linalg.norm(u - problem.brox(x, 0.3137).point) <= 1e-9


@pytest.mark.parametrize("name", [*CLOSED_FORM, *NEWTON])
def test_prox_route_agrees(name):
    problem = member(name, 6, seed=0)
    x = start(problem, name)
    step = brox_by_prox(problem.prox, x, 0.3137)
    assert np.linalg.norm(step.point - problem.brox(x, 0.3137).point) <= 1e-9
    with pytest.raises(ValueError, match="holds a minimiser"):
        brox_by_prox(member("norm2", 6, seed=0).prox, x, 50.0)


@pytest.mark.parametrize("name", FAMILY)
def test_gradients_are_subgradients_and_match_differences(name):
    problem = member(name, 6, seed=3)
    stream = generator(0, "gradient test", name)
    x = start(problem, name)
    g = problem.gradient(x)
    for scale in (1e-3, 1e-1, 10.0):
        y = x + scale * stream.standard_normal(6)
        assert problem.loss(y) >= problem.loss(x) + g @ (y - x) - 1e-12 * (1 + abs(problem.loss(y)))
    direction = stream.standard_normal(6)
    h = 1e-6
    difference = (problem.loss(x + h * direction) - problem.loss(x - h * direction)) / (2 * h)
    assert difference == pytest.approx(g @ direction, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("dimension", [1, 2, 100, 500])
@pytest.mark.parametrize("name", CLOSED_FORM)
def test_closed_forms_reach_the_sphere_in_every_dimension(name, dimension):
    problem = member(name, dimension, seed=0)
    x = start(problem, name)
    u, c = problem.brox(x, 0.3137)
    assert abs(np.linalg.norm(u - x) / 0.3137 - 1) <= 1e-12
    assert c > 0


@pytest.mark.parametrize("name", ["l1", "quadratic 10", "logistic", "l1 regression"])
def test_operators_reject_a_bad_ball(name):
    problem = member(name, 4, seed=0)
    with pytest.raises(ValueError, match="radius must be positive"):
        problem.brox(np.ones(4), 0.0)
    with pytest.raises(ValueError, match="x must be finite"):
        problem.brox(np.array([np.nan, 1, 1, 1]), 1.0)


def test_unknown_member_and_bad_arguments():
    with pytest.raises(ValueError, match="unknown member"):
        member("cubic", 4, seed=0)
    with pytest.raises(ValueError, match="radius must be positive"):
        member("l1", 4, seed=0).start(0.0, generator(0, "x"))
    with pytest.raises(ValueError, match="at least 2"):
        certify_chain(1)
    with pytest.raises(ValueError, match="a must lie"):
        BumpyModulus(Fraction(2, 5))


WELLS = [tilted_double_well, wide_double_well, cosine_bowl, rippled_modulus, symmetric_double_well]


@pytest.mark.parametrize("make", WELLS)
def test_grid_operator_is_the_minimum_over_the_ball(make):
    problem = make()
    for x in (-1.7, 0.3, 2.2):
        u = problem.brox(np.array([x]), 0.4).point
        inside = np.abs(problem.nodes - x) <= 0.4 + 1e-9
        assert problem.loss(u) == problem.values[inside].min()
        assert abs(u[0] - x) <= 0.4 + 1e-9
        i = problem.index(np.array([x]))
        assert problem.envelope(0.4)[i] == problem.loss(u)


@pytest.mark.parametrize("make", WELLS)
def test_grid_slopes_match_differences_and_hulls_are_convex_minorants(make):
    problem = make()
    hull = problem.convex_hull()
    assert np.all(hull.values <= problem.values + 1e-12)
    assert np.min(np.diff(hull.values, 2)) >= -1e-12
    assert hull.min_loss == pytest.approx(problem.min_loss)
    for x in (-1.3, 0.7, 2.1):
        i = problem.index(x)
        difference = (problem.values[i + 1] - problem.values[i - 1]) / (problem.nodes[i + 1] - problem.nodes[i - 1])
        assert problem.gradient(x)[0] == pytest.approx(difference, rel=1e-6, abs=1e-6)
    with pytest.raises(ValueError, match="outside the grid"):
        problem.loss(100.0)


def test_ball_convexity_of_the_double_well_starts_at_radius_one():
    points = np.linspace(-3, 3, 41)
    assert symmetric_double_well().supported(1.0, points).all()
    assert not symmetric_double_well().supported(0.95, points).all()


@pytest.mark.parametrize("a", [Fraction(1, 20), Fraction(3, 20), Fraction(1, 4)])
def test_bumpy_operator_against_a_fine_rational_grid(a):
    problem = BumpyModulus(a)
    for x in (Fraction(33, 10), Fraction(27, 100), Fraction(-7, 5)):
        radius = Fraction(21, 100)
        u = problem.brox(x, radius)
        grid = [x - radius + radius * Fraction(i, 500) for i in range(1001)]
        assert abs(u - x) <= radius
        assert problem.loss(u) <= min(problem.loss(y) for y in grid)


def test_box_least_squares_satisfies_its_kkt_conditions_and_agrees_with_the_conic_solver():
    import cvxpy as cp

    problem = BoxLeastSquares.random(5, generator(0, "box"))
    x = problem.solution + 2.0 * generator(0, "box start").standard_normal(5)
    u = problem.brox_max_norm(x, 0.5)
    z = cp.Variable(5)
    cp.Problem(cp.Minimize(cp.sum_squares(problem.W @ (z - problem.solution))), [cp.norm_inf(z - x) <= 0.5]).solve(
        solver=cp.CLARABEL
    )
    assert np.linalg.norm(u - z.value) <= 1e-4
    slope, free = problem.gradient(u), np.abs(u - x) < 0.5 * (1 - 1e-12)
    assert np.all(np.abs(slope[free]) <= 1e-11 * np.abs(slope).max())
    assert np.all((slope * (u - x))[~free] <= 0)


def test_planar_counterexamples_agree_with_conic_solvers():
    import cvxpy as cp

    u = MAX_NORM_COUNTEREXAMPLE.brox_max_norm((Fraction(2), Fraction(2)), Fraction(1))
    assert u == [(3, 1)]
    conic = ConicBall(MAX_NORM_COUNTEREXAMPLE, norm="max").solve(np.array([2.0, 2.0]), 1.0)
    assert np.allclose(conic.point, [3, 1], atol=1e-5)

    def f(Z):
        return 100 * cp.abs(Z[0, 0] - 10 * Z[1, 1]) + cp.abs(Z[1, 1]) + cp.abs(Z[0, 1]) + cp.abs(Z[1, 0])

    Z = spectral_brox_conic(f, 1.5 * np.eye(2), 1.0)
    z = SPECTRAL_COUNTEREXAMPLE.brox_max_norm((Fraction(3, 2), Fraction(3, 2)), Fraction(1))
    assert np.allclose(Z, np.diag([float(v) for v in z[0]]), atol=1e-5)


@pytest.mark.parametrize("K", [2, 3, 4, 6])
def test_tight_chain_in_coordinates(K):
    """The certificate of the chain against a conic run in explicit coordinates (Cholesky of the Gram matrix)."""
    import cvxpy as cp

    certificate = certify_chain(K)
    assert certificate.proved
    e, q = 1 / (4 * K), 2 * (1 + 2 / (4 * K)) * 4 * K
    gram = np.eye(K) + e * (np.eye(K, k=1) + np.eye(K, k=-1))
    gram[-1, -1] = 1 - 2 * (K - 1) * e
    P = np.linalg.cholesky(gram)
    x = P.sum(axis=0)
    assert x @ x == pytest.approx(K)
    z = cp.Variable(K)
    f = cp.max(cp.hstack([q ** -float(j) * cp.pos(P[j] @ z) for j in range(K)]))
    cp.Problem(cp.Minimize(f), [cp.norm(z - x) <= 1]).solve(solver=cp.CLARABEL)
    assert np.allclose(z.value, P[1:].sum(axis=0), atol=2e-5)


def test_a_broken_chain_is_not_certified():
    assert not certify_chain(10, ratio=Fraction(1)).proved
    assert not certify_chain(10, epsilon=Fraction(1, 2)).proved


def test_conic_members_reach_the_sphere():
    for name in CONIC:
        problem = member(name, 10, seed=0)
        x = start(problem, name)
        u, _ = problem.brox(x, 0.3137)
        assert abs(np.linalg.norm(u - x) / 0.3137 - 1) <= 1e-6


def test_bumpy_functions_are_ball_convex_above_the_width_of_a_bump_only():
    problem = BumpyModulus(Fraction(1, 20))
    centres = [Fraction(n, 100) for n in range(-150, 151)]
    assert all(problem.supported(x, Fraction(21, 100)) for x in centres)
    assert not all(problem.supported(x, Fraction(1, 10)) for x in centres)
