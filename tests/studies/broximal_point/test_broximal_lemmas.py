"""Lemma tests: the identities behind the seven results as properties of random problems (hypothesis)."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from theorylab.random import generator
from theorylab.studies.broximal_point.brox_family import member
from theorylab.studies.broximal_point.seven_results import step_facts

EXACT = ("quadratic 10", "quadratic singular", "l1", "weighted l1", "norm2", "logistic", "pseudo-Huber")
cases = st.tuples(
    st.sampled_from(EXACT), st.integers(1, 12), st.integers(0, 10**6), st.floats(0.02, 0.95), st.floats(0.5, 5.0)
)


def instance(case):
    name, dimension, trial, share, distance = case
    problem = member(name, dimension, 0, trial)
    x = problem.start(distance, generator(0, "lemma", trial))
    radius = share * distance
    return problem, x, radius, problem.brox(x, radius)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(cases)
def test_subgradient_inequality_of_the_second_brox_theorem(case):
    problem, x, _, (u, c) = instance(case)
    stream = generator(0, "lemma y", case[2])
    for scale in (1e-3, 1.0, 10.0):
        y = u + scale * stream.standard_normal(u.size)
        left, right = problem.loss(y) - problem.loss(u), c * (x - u) @ (y - u)
        assert left >= right - 1e-11 * (abs(left) + abs(right) + abs(problem.loss(u)))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(cases)
def test_results_two_three_five_and_six_on_one_step(case):
    problem, x, radius, (u, c) = instance(case)
    facts = step_facts(problem, x, u, radius)
    assert facts["boundary_error"] <= 1e-8
    assert facts["slack"] > 0
    assert facts["slack"] * radius**2 >= 2 * problem.gap(u) / c * (1 - 1e-9) - 1e-12
    assert facts["gap_ratio"] <= 1 + 1e-9
    if problem.smooth:
        assert facts["gradient_increase"] <= 1e-9
        assert facts["descent_violation"] <= 1e-9


def test_the_identity_behind_result_three():
    """|x - s|^2 - |u - s|^2 - |x - u|^2 = 2 <x - u, u - s>, symbolically in three coordinates."""
    x, u, s = (sp.Matrix(sp.symbols(f"{n}1:4")) for n in "xus")
    square = lambda v: (v.T * v)[0]  # noqa: E731
    assert sp.expand(square(x - s) - square(u - s) - square(x - u) - 2 * ((x - u).T * (u - s))[0]) == 0


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(1, 12), st.integers(0, 10**6), st.floats(0.05, 0.9))
def test_no_point_of_the_ball_is_better(dimension, trial, share):
    problem = member("weighted l1", dimension, 0, trial)
    x = problem.start(1.0, generator(0, "ball", trial))
    u, _ = problem.brox(x, share)
    stream = generator(0, "rivals", trial)
    offsets = stream.standard_normal((200, dimension))
    offsets *= share * stream.random((200, 1)) ** (1 / dimension) / np.linalg.norm(offsets, axis=1, keepdims=True)
    assert min(problem.loss(x + o) for o in offsets) >= problem.loss(u) - 1e-14


def test_step_facts_see_a_wrong_step():
    problem = member("quadratic 10", 6, 0)
    x = problem.start(1.0, generator(0, "wrong"))
    u, _ = problem.brox(x, 0.3)
    short = step_facts(problem, x, x + 0.99 * (u - x), 0.3)
    assert short["boundary_error"] == pytest.approx(0.01)
    back = step_facts(problem, x, 2 * x - u, 0.3)
    assert back["slack"] < 0
    assert back["gap_ratio"] > 1
    assert back["gradient_increase"] > 0
    assert back["descent_violation"] > 0
