"""Tests of what the second edition added: worst cases, whole broximal sets, kinks, runs on nonconvex functions."""

from fractions import Fraction

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from theorylab.problems.polyhedral import brox_width
from theorylab.random import generator
from theorylab.studies.broximal_point import kinked_quartic, multilevel, worst_cases
from theorylab.studies.broximal_point.brox_family import CONIC, member
from theorylab.studies.broximal_point.family_run import family_run
from theorylab.studies.broximal_point.flat_l1 import FlatL1
from theorylab.studies.broximal_point.model_steps import compare_with_conic
from theorylab.studies.broximal_point.nonconvex_runs import least_radius_over_the_hills, nonconvex_run, violations
from theorylab.studies.broximal_point.on_the_line import cosine_bowl, tilted_double_well
from theorylab.studies.broximal_point.other_balls import (
    SPECTRAL_COUNTEREXAMPLE,
    MatrixLeastSquares,
    moduli_of_matrix,
    spectral_brox_conic,
)
from theorylab.studies.broximal_point.tight_chain import certify_chain, expected_runner_up


def test_worst_cases_of_results_three_and_seven():
    assert worst_cases.distance_excess() == pytest.approx(0.0, abs=worst_cases.ACCURACY)
    assert worst_cases.distance_excess(gamma=2.0) == pytest.approx(0.0, abs=worst_cases.ACCURACY)
    assert worst_cases.distance_excess(gain=1.01) == pytest.approx(0.01, abs=worst_cases.ACCURACY)
    assert worst_cases.distance_excess(convex=False) > 0.5
    assert worst_cases.distance_excess_with_minimiser_in_reach() == pytest.approx(4.0, abs=1e-5)
    assert worst_cases.weighted_slopes([0.5, 0.3]) == pytest.approx(1.0, abs=worst_cases.ACCURACY)
    assert worst_cases.weighted_slopes([0.5], convex=False) > 1.3


@pytest.mark.parametrize(("steps", "gamma"), [(1, 1.0), (3, 0.5)])
def test_worst_case_of_the_proximal_point_method(steps, gamma):
    assert worst_cases.proximal_point_gap(steps, gamma) == pytest.approx(1 / (4 * gamma * steps), abs=1e-6)


@pytest.mark.parametrize("ratio", [0.3, 0.9])
def test_a_plane_of_minimisers_cuts_the_ball_in_a_ball(ratio):
    problem, stream = FlatL1.random(8, 3, generator(0, "flat")), generator(0, "flat start")
    x = problem.start(ratio, stream)
    assert problem.distance(x) == pytest.approx(ratio)
    assert problem.gap(problem.nearest_minimiser(x)) <= 1e-14  # rounding of sums of ten terms of order one
    directions = stream.standard_normal((2, 8))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    width = problem.width_within(x, 1.0, directions)
    assert brox_width(problem, x, 1.0, directions) == pytest.approx(width, abs=1e-4)
    with pytest.raises(ValueError, match="no minimiser"):
        problem.width_within(x, 0.9 * ratio, directions)


def test_a_flat_regression_has_fewer_rows_than_unknowns():
    with pytest.raises(ValueError, match="fewer rows"):
        FlatL1(np.eye(3), np.ones(3))


@pytest.mark.parametrize("name", CONIC)
def test_the_shortest_subgradient_is_one_and_no_other_is_shorter(name):
    problem, stream = member(name, 6, 0), generator(0, "shortest")
    x = problem.start(1.0, stream)
    assert np.array_equal(problem.shortest_subgradient(x), problem.gradient(x))
    kink, _ = problem.brox(x, 0.9)  # conic steps land on kinks
    g = problem.shortest_subgradient(kink)
    for _ in range(50):
        y = kink + stream.standard_normal(6)
        assert problem.loss(y) >= problem.loss(kink) + g @ (y - kink) - 1e-5
        nearby = problem.gradient(kink + 1e-5 * stream.standard_normal(6))
        assert np.linalg.norm(g) <= np.linalg.norm(nearby) * (1 + 1e-6)


def test_the_shortest_subgradient_vanishes_at_a_minimiser():
    for name in CONIC:
        problem = member(name, 6, 0)
        assert np.linalg.norm(problem.shortest_subgradient(problem.solution)) <= 1e-5


@pytest.mark.parametrize(("x", "gamma"), [(1.0, 1.0), (0.7, 0.01), (-0.3, 5.0), (0.5, 0.05), (3.0, 10.0), (0.0, 1.0)])
def test_prox_of_the_interpolant_is_the_best_point(x, gamma):
    def objective(u):
        return kinked_quartic.loss(u) + (u - x) ** 2 / (2 * gamma)

    found = minimize_scalar(objective, bounds=(-4, 4), method="bounded", options={"xatol": 1e-12}).fun
    assert objective(kinked_quartic.prox(x, gamma)) <= found + 1e-12


def test_the_interpolant_meets_the_quartic_at_its_nodes():
    for j in range(-2, 5):
        assert kinked_quartic.loss(2.0**-j) == 16.0**-j
    assert kinked_quartic.loss(0.75) == pytest.approx((1 + 1 / 16) / 2)
    assert list(kinked_quartic.steps_to_nodes(4)) == [1, 3, 7, 25]
    assert kinked_quartic.brox(-0.5, 0.2) == pytest.approx(-0.3)


@pytest.mark.parametrize("K", [2, 3, 7])
def test_the_runner_up_of_the_chain_from_its_gram_matrix(K):
    e = Fraction(1, 4 * K)
    gram = [[e if abs(i - j) == 1 else Fraction(0) for j in range(K)] for i in range(K)]
    for j in range(K):
        gram[j][j] = Fraction(1) if j < K - 1 else 1 - 2 * (K - 1) * e
    slopes = [(e / (2 * (1 + 2 * e))) ** j for j in range(K)]
    worst = Fraction(0)
    for k in range(1, K):
        pieces = [c * max(sum(row[k:]), Fraction(0)) for c, row in zip(slopes, gram)]
        own = pieces.pop(k - 1)
        assert own > 0
        worst = max(worst, max(pieces) / own)
    assert certify_chain(K).runner_up == worst == expected_runner_up(K)


@pytest.mark.parametrize("steps", [2, 8, 32])
def test_the_bias_of_the_average_in_closed_form(steps):
    chains = multilevel.averages(steps, 40_000, generator(0, "bias"))[-1]
    error = chains.std() / np.sqrt(chains.size)
    assert abs(chains.mean() - multilevel.SOLUTION - multilevel.expected_bias(steps)) <= 5 * error
    rest = multilevel.averages(steps, 2, generator(0, "rest"), noise=0.0, start=multilevel.SOLUTION)
    assert np.allclose(rest, multilevel.SOLUTION, atol=1e-13)


def test_runs_on_nonconvex_functions():
    well = tilted_double_well()
    end, facts = nonconvex_run(well, 2.0, 0.5)
    assert end == pytest.approx(0.96015)
    assert violations(facts)["Result 3"] == 1
    assert set(violations(nonconvex_run(well.convex_hull(), 2.0, 0.5)[1]).values()) == {0}
    for problem, x0 in ((well, 2.0), (cosine_bowl(), 4.0)):
        t = least_radius_over_the_hills(problem, x0)
        assert abs(nonconvex_run(problem, x0, 1.01 * t)[0] - problem.minimiser) <= 1e-3
        assert abs(nonconvex_run(problem, x0, 0.99 * t)[0] - problem.minimiser) > 0.1


def test_runs_are_not_capped_by_the_bound_they_test():
    rows = family_run(0, "norm2", "constant", 0.3137)
    assert rows[0]["k_allowed"] == 11
    assert rows[0]["ended"]
    assert rows[0]["factor_distance"] == pytest.approx(1 - 0.3137**2)
    assert rows[0]["factor_gap"] == pytest.approx(1 - 0.3137)
    cut = family_run(0, "norm2", "constant", 0.3137, limit=2)
    assert len(cut) == 2
    assert not cut[0]["ended"]


def test_spectral_steps_and_the_matrix_of_the_counterexample():
    problem = MatrixLeastSquares.random((2, 3), generator(0, "matrix"))
    X = problem.solution + np.diag([2.0, 1.0]) @ np.eye(2, 3)
    Z = problem.brox_spectral(X, 0.5)
    assert np.linalg.norm(Z - X, 2) == pytest.approx(0.5, abs=1e-7)
    assert problem.loss(Z) < problem.loss(X)
    f = moduli_of_matrix(SPECTRAL_COUNTEREXAMPLE)
    assert np.allclose(spectral_brox_conic(f, 1.5 * np.eye(2), 1.0), np.diag([2.5, 0.5]), atol=1e-5)


@pytest.mark.parametrize("norm", ["euclidean", "max", "spectral"])
def test_model_steps_against_the_conic_solver(norm):
    row = compare_with_conic(1, norm)
    assert row["gap"] <= 1e-7
    assert row["length"] == pytest.approx(1.0)
    if norm == "spectral":
        assert row["wrong"] > 0.01
        assert row["unscaled"] > 1.0
