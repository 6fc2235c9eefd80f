"""Contract tests of the methods: pure steps, counted calls, termination, and the radius schedules."""

import numpy as np
import pytest

from theorylab.methods.ball_proximal import BallProximalPoint, ended, trajectory
from theorylab.methods.proximal_point import ProximalPoint, quartic_prox
from theorylab.methods.run import Counted, run
from theorylab.problems.polyhedral import brox_width
from theorylab.random import generator
from theorylab.studies.broximal_point.ball_envelope import envelope, envelope_gradient
from theorylab.studies.broximal_point.brox_family import member
from theorylab.studies.broximal_point.family_run import SCHEDULES, family_run
from theorylab.studies.broximal_point.gaussian_reweighting import (
    reweighted_slopes,
    second_moment,
    smoothed_modulus_slope,
)
from theorylab.studies.broximal_point.inexact_ball import InexactBall, inner_error, project
from theorylab.studies.broximal_point.model_steps import linear_model_step
from theorylab.studies.broximal_point.monteiro_svaiter import BallAccelerated
from theorylab.studies.broximal_point.multilevel import averages, debiased
from theorylab.studies.broximal_point.other_balls import PlanarModuli
from theorylab.studies.broximal_point.radii import Constant, Decaying, Random, steps_allowed
from theorylab.studies.broximal_point.seven_results import points_around, subgradient_violation

METHODS = [
    BallProximalPoint(Constant(0.3137)),
    ProximalPoint(0.5),
    InexactBall(0.3137, 20),
    BallAccelerated(0.3137),
]


def gap(problem, state):
    return {"gap": problem.gap(state.point)}


@pytest.mark.parametrize("method", METHODS, ids=lambda m: type(m).__name__)
def test_steps_are_pure_and_the_loop_reduces_the_gap(method):
    problem = member("quadratic 10", 6, 0)
    x0 = problem.start(2.0, generator(0, "contract"))
    before = x0.copy()
    state = method.init(problem, x0)
    first, second = method.step(problem, state), method.step(problem, state)
    assert np.array_equal(first.point, second.point)
    assert np.array_equal(x0, before)
    table = run(method, problem, x0, steps=40, record=gap)
    assert list(table.k) == list(range(41))
    assert table.gap.iloc[-1] <= 0.01 * table.gap.iloc[0]


def test_the_oracle_counts_and_one_step_is_one_call():
    problem = member("quadratic 10", 6, 0)
    x0 = problem.start(2.0, generator(0, "contract"))
    for method in (METHODS[0], METHODS[3]):
        assert run(method, problem, x0, steps=7, record=gap).brox_calls.iloc[-1] == 7
    oracle = Counted(problem)
    oracle.loss(x0), oracle.loss(x0), oracle.gradient(x0)
    assert oracle.calls == {"loss": 2, "gradient": 1}
    assert oracle.min_loss == 0.0


def test_run_stops_where_told_and_refuses_negative_steps():
    problem = member("l1", 5, 0)
    x0 = problem.start(1.0, generator(0, "stop"))
    table = run(BallProximalPoint(Constant(0.3137)), problem, x0, steps=100, record=gap, until=ended)
    assert table.gap.iloc[-1] == 0.0
    assert len(table) - 1 <= steps_allowed(Constant(0.3137), 1.0)
    with pytest.raises(ValueError, match="steps must not be negative"):
        run(METHODS[0], problem, x0, steps=-1, record=gap)


def test_steps_allowed_by_result_four():
    assert steps_allowed(Constant(0.5), 1.0) == 4
    assert steps_allowed(Constant(0.3), 1.0) == 12
    decaying = Decaying(0.3, 0.4)
    K = steps_allowed(decaying, 1.0)
    total = sum(decaying(k) ** 2 for k in range(K))
    assert total >= 1.0 > total - decaying(K - 1) ** 2
    noisy = Random(0.3, 1)
    K = steps_allowed(noisy, 1.0)
    assert sum(noisy(k) ** 2 for k in range(K)) >= 1.0 > sum(noisy(k) ** 2 for k in range(K - 1))
    with pytest.raises(ValueError, match="choose a larger radius"):
        steps_allowed(Decaying(1e-4, 0.5), 1.0, limit=1000)
    with pytest.raises(ValueError, match="choose a larger radius"):
        steps_allowed(Random(1e-4, 0), 1.0, limit=100)


def test_random_radii_do_not_depend_on_the_order_of_calls():
    radius = Random(0.3, 5)
    assert [radius(2), radius(0)] == [Random(0.3, 5)(2), Random(0.3, 5)(0)]
    assert all(0.15 <= radius(k) <= 0.45 for k in range(50))


@pytest.mark.parametrize(("x", "gamma"), [(1.0, 1.0), (-2.5, 0.1), (1e-4, 3.0), (0.0, 1.0)])
def test_quartic_prox_solves_its_cubic(x, gamma):
    u = quartic_prox(x, gamma)
    assert u + 4 * gamma * u**3 == pytest.approx(x, rel=1e-13, abs=1e-300)


def test_projection_on_the_ball():
    assert np.allclose(project(np.array([3.0, 4.0]), np.zeros(2), 1.0), [0.6, 0.8])
    assert np.array_equal(project(np.array([0.3, 0.4]), np.zeros(2), 1.0), [0.3, 0.4])


@pytest.mark.parametrize("norm", ["euclidean", "max", "spectral"])
def test_linear_model_steps_attain_the_dual_norm(norm):
    G = generator(0, "model", norm).standard_normal((3, 5))
    D = linear_model_step(G, 0.5, norm)
    length = {"euclidean": np.linalg.norm(D), "max": np.abs(D).max(), "spectral": np.linalg.norm(D, 2)}[norm]
    dual = {"euclidean": np.linalg.norm(G), "max": np.abs(G).sum(), "spectral": np.linalg.norm(G, "nuc")}[norm]
    assert length == pytest.approx(0.5)
    assert np.sum(G * D) == pytest.approx(-0.5 * dual)


def test_linear_model_step_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="norm must be"):
        linear_model_step(np.ones(2), 1.0, "taxicab")
    with pytest.raises(ValueError, match="must not be zero"):
        linear_model_step(np.zeros(2), 1.0, "max")


def test_acceleration_needs_fewer_calls_on_an_ill_conditioned_quadratic():
    problem = member("quadratic 1e6", 30, 0)
    x0 = problem.start(1.0, generator(0, "ms"))
    reached = {}
    for method in (BallProximalPoint(Constant(0.01)), BallAccelerated(0.01)):
        table = run(method, problem, x0, steps=400, record=gap, until=lambda p, s: p.gap(s.point) <= 1e-10)
        reached[type(method).__name__] = len(table) - 1
    assert reached["BallAccelerated"] < reached["BallProximalPoint"]


def test_differences_of_the_envelope_give_the_gradient_at_the_broximal_point():
    for name in ("quadratic 10", "logistic"):
        problem = member(name, 5, 0)
        x = problem.start(1.0, generator(0, "envelope", name))
        u = problem.brox(x, 0.3).point
        assert envelope(problem, x, 0.3) == problem.loss(u)
        g = problem.gradient(u)
        assert np.linalg.norm(envelope_gradient(problem, x, 0.3, 3e-5) - g) <= 1e-6 * np.linalg.norm(g)


def test_subgradient_violation_sees_a_wrong_multiplier():
    problem = member("quadratic 10", 5, 0)
    x = problem.start(1.0, generator(0, "violation"))
    u, c = problem.brox(x, 0.3)
    points = points_around(u, generator(0, "points"))
    assert points.shape == (80, 5)
    assert subgradient_violation(problem, x, u, c, points) <= 1e-13
    assert subgradient_violation(problem, x, u, 1.5 * c, points) > 1e-3


def test_the_width_of_a_broximal_set():
    flat = PlanarModuli(((1, 1, 0),))
    assert brox_width(flat, np.array([5.0, 0.0]), 1.0, np.eye(2), norm="max") == pytest.approx(2.0, abs=1e-5)
    assert brox_width(flat, np.array([5.0, 0.0]), 1.0, np.eye(2)) <= 1e-2


def test_reweighting_is_unbiased_and_its_second_moment_is_the_closed_form():
    draws = reweighted_slopes(0.5, 0.2, 0.7, 200_000, generator(0, "reweighting"))
    error = draws.std() / np.sqrt(draws.size)
    assert abs(draws.mean() - smoothed_modulus_slope(0.5, 0.7)) <= 5 * error
    assert np.mean(draws**2) == pytest.approx(second_moment(0.5, 0.2, 0.7), rel=0.02)


def test_multilevel_estimator_has_the_mean_of_the_longest_chain_at_linear_cost():
    cap, chains = 4, 40_000
    estimates, cost = debiased(cap, chains, generator(0, "multilevel"))
    longest = averages(2**cap, chains, generator(0, "longest"))[-1]
    error = np.hypot(estimates.std(), longest.std()) / np.sqrt(chains)
    assert estimates.size == chains
    assert abs(estimates.mean() - longest.mean()) <= 5 * error
    assert cost == pytest.approx(cap + 2.0**-cap, rel=0.05)
    with pytest.raises(ValueError, match="power of two"):
        averages(3, 2, generator(0, "x"))


def test_trajectory_ends_with_the_step_of_result_one():
    problem = member("norm2", 4, 0)
    states = trajectory(problem, problem.start(1.0, generator(0, "t")), Constant(0.3), limit=50)
    assert [s.k for s in states] == [0, 1, 2, 3, 4]
    assert problem.gap(states[-1].point) == 0.0
    assert len(trajectory(problem, states[0].point, Constant(0.3), limit=2)) == 3


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_family_runs_end_within_the_steps_allowed(schedule):
    rows = family_run(0, "weighted l1", schedule, 0.3137, dimension=6)
    assert [row["k"] for row in rows] == list(range(1, len(rows) + 1))
    assert rows[-1]["final_gap"] == 0.0
    assert len(rows) <= rows[0]["k_allowed"]
    assert rows[-1]["sum_t2"] < 1.0
    assert [row["off_last"] for row in rows] == [True] * (len(rows) - 1) + [False]
    assert all(row["average_bound"] <= 1.0 for row in rows if row["smooth"])


def test_family_run_refuses_an_unknown_schedule():
    with pytest.raises(ValueError, match="unknown schedule"):
        family_run(0, "l1", "growing", 0.3)


def test_inner_error_falls_with_the_inner_steps():
    problem = member("l1", 5, 0)
    centres = [problem.start(0.15, generator(0, "inner", i)) for i in range(5)]
    few, many = inner_error(problem, 0.3, 5, centres), inner_error(problem, 0.3, 500, centres)
    assert few > many > 0.0
