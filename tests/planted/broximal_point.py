"""Planted bugs of notebook 01_broximal_point."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandas as pd

from tests.planted import Bug

STEM = "01_broximal_point"


def scaled_radius(factor):
    """The operator solves the ball of radius factor * t."""

    def patch(brox):
        def wrong(self, x, radius, *rest):
            return brox(self, x, factor * radius, *rest)

        return wrong

    return patch


def half_step(brox):
    """The operator moves half of the way to the broximal point, in the last step too."""

    def wrong(self, x, radius):
        step = brox(self, x, radius)
        return step._replace(point=x + 0.5 * (step.point - x))

    return wrong


def unconstrained(brox):
    """The ball is forgotten: the operator returns the global minimiser."""

    def wrong(self, x, radius):
        step = brox(self, x, radius)
        return step._replace(point=self.solution.copy())

    return wrong


def old_gradient(brox):
    """A normalised step along the gradient at the old point: right length, wrong direction."""

    def wrong(self, x, radius):
        step = brox(self, x, radius)
        g = self.gradient(x)
        return step if step.multiplier == 0.0 else step._replace(point=x - radius * g / np.linalg.norm(g))

    return wrong


def scaled_radius_function(factor):
    """As ``scaled_radius`` for functions (first argument, x, radius)."""

    def patch(function):
        return lambda first, x, radius, *rest: function(first, x, factor * radius, *rest)

    return patch


def scaled_answer(factor):
    """The array returned is scaled."""

    def patch(function):
        return lambda *arguments, **keywords: factor * function(*arguments, **keywords)

    return patch


def wrong_sign_of_the_excess(step_facts):
    def wrong(*arguments, **keywords):
        facts = step_facts(*arguments, **keywords)
        return {**facts, "distance_excess": -facts["distance_excess"]}

    return wrong


def first_vertex_only(brox_max_norm):
    return lambda self, x, radius: brox_max_norm(self, x, radius)[:1]


def box_forgotten(brox_max_norm):
    return lambda self, x, radius: self.solution.copy()


def slopes_too_close(certify_chain):
    """c_j / c_{j+1} = 1/(2 e): the next piece is active too early."""

    def wrong(K, epsilon=None, ratio=None):
        return certify_chain(K, epsilon, 2 * K if ratio is None else ratio)

    return wrong


def neighbours_too_parallel(certify_chain):
    """<p_j, p_{j+1}> = 1/2 instead of 1/(4K): such vectors do not exist."""

    def wrong(K, epsilon=None, ratio=None):
        return certify_chain(K, Fraction(1, 2) if epsilon is None else epsilon, ratio)

    return wrong


def plateaus_end_inside(in_bump):
    """The plateaus become closed: their right ends are no place to stop any more."""
    return lambda self, x: 0 <= (Fraction(x) - self.a) % Fraction(1, 2) <= Fraction(1, 5)


def half_exponent(second_moment):
    return lambda x, y, s: float(np.sqrt(second_moment(x, y, s)))


def printed_quartic_coefficient(quartic_prox):
    """The derivative of x^4 taken as 3 x^3."""
    return lambda x, gamma: quartic_prox(x, 0.75 * gamma)


def no_momentum(step):
    """The anchor never moves away from the iterate: acceleration is lost."""

    def wrong(self, oracle, state):
        return step(self, oracle, state._replace(anchor=state.point, weight=0.0))

    return wrong


def sharpened_multiplier(factor):
    def patch(brox_by_prox):
        def wrong(prox, x, radius):
            step = brox_by_prox(prox, x, radius)
            return step._replace(multiplier=factor * step.multiplier)

        return wrong

    return patch


def one_percent_more_steps(steps_allowed):
    """The number of steps of Result 4 is 1 % too large: no run notices, a recount does."""
    return lambda radius, distance, limit=10**7: int(np.ceil(1.01 * steps_allowed(radius, distance, limit)))


def no_random_radii(family_run):
    """A third of the runs has no rows."""

    def wrong(seed, name, schedule, share, **rest):
        return family_run(seed, name, schedule, share, **rest) if schedule != "random" else pd.DataFrame()

    return wrong


def in_every_row(**changes):
    """The named columns of the rows of a run are replaced by a function of the row."""

    def patch(family_run):
        def wrong(*arguments, **keywords):
            rows = family_run(*arguments, **keywords)
            return [{**row, **{name: change(row) for name, change in changes.items()}} for row in rows]

        return wrong

    return patch


def two_steps_too_few(run):
    return lambda *arguments, steps, **rest: run(*arguments, steps=steps - 2, **rest)


def neighbour_with_wrong_sign(certify_chain):
    """<p_{k+1}, x_k> = 1 - e: the certificate holds all the same, it has a factor of two in reserve."""

    def wrong(K, epsilon=None, ratio=None):
        e, sound = Fraction(1, 4 * K), certify_chain(K, epsilon, ratio)
        return replace(sound, runner_up=sound.runner_up * (1 - e) / (1 + e))

    return wrong


def subgradient_at_the_old_point(step):
    """The semidefinite programme takes the explicit step."""

    def wrong(self, x, gamma):
        g, _ = self.f.oracle(x)
        u = x - gamma * g
        self.problem.add_constraint(g**2 <= 1)
        return u, g, self.f(u)

    return wrong


def square_root(function):
    return lambda *arguments, **keywords: float(np.sqrt(function(*arguments, **keywords)))


def other_gamma(factor):
    def patch(prox):
        return lambda x, gamma=1.0: prox(x, factor * gamma)

    return patch


def envelope_radius(envelope):
    return lambda self, radius: envelope(self, 1.01 * radius)


def half_the_ball(solver):
    return lambda gradient, lipschitz, x, radius, *rest: solver(gradient, lipschitz, x, 0.5 * radius, *rest)


def value_added(subgradient_violation):
    """The value at u is added where it must be subtracted."""

    def wrong(problem, x, u, c, points):
        class Negated:
            loss = staticmethod(lambda y: -problem.loss(y) if y is u else problem.loss(y))

        return subgradient_violation(Negated, x, u, c, points)

    return wrong


def gain_subtracted(distance_excess):
    """The squared step is subtracted where it must be added."""
    return lambda *args, gain=1.0, **kwargs: distance_excess(*args, gain=-gain, **kwargs)


SHARP = "theorylab.problems.sharp:"
STUDY = "theorylab.studies.broximal_point."
CONIC = "theorylab.problems.polyhedral:ConicBall.solve"
BOX = "theorylab.studies.broximal_point.other_balls:"
ENVELOPE = "theorylab.studies.broximal_point.ball_envelope:"
PROX = "theorylab.problems.broximal:brox_by_prox"
CHAIN = "theorylab.studies.broximal_point.tight_chain:certify_chain"

BUGS = [
    Bug(
        "value at u added in the subgradient inequality",
        "theorylab.studies.broximal_point.seven_results:subgradient_violation",
        value_added,
        ("BP-03",),
    ),
    Bug(
        "gain subtracted in the worst case",
        "theorylab.studies.broximal_point.worst_cases:distance_excess",
        gain_subtracted,
        ("BP-06",),
    ),
    Bug("l1 radius 1 % too small", SHARP + "WeightedL1.brox", scaled_radius(0.99), ("BP-05", "BP-06")),
    Bug("l1 radius 1 % too large", SHARP + "WeightedL1.brox", scaled_radius(1.01), ("BP-05", "BP-06")),
    Bug("l1 step goes half the way", SHARP + "WeightedL1.brox", half_step, ("BP-05", "BP-07")),
    Bug("norm: the ball is forgotten", SHARP + "EuclideanNorm.brox", unconstrained, ("BP-05", "BP-14")),
    Bug(
        "quadratic: gradient at the old point",
        "theorylab.problems.quadratic:Quadratic.brox",
        old_gradient,
        ("BP-03", "BP-14"),
    ),
    Bug("conic radius 1 % too small", CONIC, scaled_radius(0.99), ("BP-02", "BP-05", "BP-12")),
    Bug("conic radius 1 % too large", CONIC, scaled_radius(1.01), ("BP-02", "BP-05", "BP-12")),
    Bug(
        "dropped sign in Result 3",
        "theorylab.studies.broximal_point.family_run:step_facts",
        wrong_sign_of_the_excess,
        ("BP-06",),
    ),
    Bug("slopes of the chain too close", CHAIN, slopes_too_close, ("BP-08",)),
    Bug("chain of vectors that do not exist", CHAIN, neighbours_too_parallel, ("BP-08",)),
    Bug("prox route 1 % too long", PROX, scaled_radius_function(1.01), ("BP-12",)),
    Bug("prox route 1 % too short", PROX, scaled_radius_function(0.99), ("BP-12",)),
    Bug("multiplier 1 % too large", PROX, sharpened_multiplier(1.01), ("BP-12",)),
    Bug("multiplier 1 % too small", PROX, sharpened_multiplier(0.99), ("BP-12",)),
    Bug("envelope over a ball 1 % too large", ENVELOPE + "envelope", scaled_radius_function(1.01), ("BP-14",)),
    Bug("envelope over a ball 1 % too small", ENVELOPE + "envelope", scaled_radius_function(0.99), ("BP-14",)),
    Bug("dropped sign of the envelope's gradient", ENVELOPE + "envelope_gradient", scaled_answer(-1.0), ("BP-14",)),
    Bug("box 1 % too large", BOX + "BoxLeastSquares.brox_max_norm", scaled_radius(1.01), ("BP-18",)),
    Bug("box 1 % too small", BOX + "BoxLeastSquares.brox_max_norm", scaled_radius(0.99), ("BP-18",)),
    Bug("box is forgotten", BOX + "BoxLeastSquares.brox_max_norm", box_forgotten, ("BP-18",)),
    Bug("only one vertex of a face", BOX + "PlanarModuli.brox_max_norm", first_vertex_only, ("BP-18",)),
    Bug(
        "radius below the plateaus",
        "theorylab.studies.broximal_point.on_the_line:BumpyModulus.brox",
        scaled_radius(Fraction(9, 10)),
        ("BP-21",),
    ),
    Bug(
        "closed plateaus",
        "theorylab.studies.broximal_point.on_the_line:BumpyModulus.in_bump",
        plateaus_end_inside,
        ("BP-21",),
    ),
    Bug(
        "grid ball 1 % too large",
        "theorylab.studies.broximal_point.on_the_line:GridFunction.brox",
        scaled_radius(1.01),
        ("BP-01c",),
    ),
    Bug("derivative of x^4", "theorylab.methods.proximal_point:quartic_prox", printed_quartic_coefficient, ("BP-15",)),
    Bug(
        "no momentum", "theorylab.studies.broximal_point.monteiro_svaiter:BallAccelerated.step", no_momentum, ("BP-17",)
    ),
    Bug(
        "model step 1 % too long",
        "theorylab.studies.broximal_point.model_steps:linear_model_step",
        scaled_answer(1.01),
        ("BP-19",),
    ),
    Bug(
        "model step 1 % too short",
        "theorylab.studies.broximal_point.model_steps:linear_model_step",
        scaled_answer(0.99),
        ("BP-19",),
    ),
    Bug(
        "second moment with half the exponent",
        "theorylab.studies.broximal_point.gaussian_reweighting:second_moment",
        half_exponent,
        ("BP-23",),
    ),
    Bug("1 % more steps allowed", STUDY + "family_run:steps_allowed", one_percent_more_steps, ("BP-07",)),
    Bug(
        "no runs with random radii",
        STUDY + "family_run:family_run",
        no_random_radii,
        ("BP-05", "BP-06", "BP-07", "BP-09", "BP-10", "BP-11", "BP-11c"),
    ),
    Bug(
        "no gap after the first step",
        STUDY + "family_run:family_run",
        in_every_row(relative_gap=lambda row: 0.0),
        ("BP-16",),
    ),
    Bug(
        "the factor of the gap 1 % too optimistic",
        STUDY + "family_run:family_run",
        in_every_row(gap_ratio=lambda row: 1.01 * row["gap_ratio"]),
        ("BP-09",),
    ),
    Bug("two steps too few", "theorylab.methods.run:run", two_steps_too_few, ("BP-07", "BP-16", "BP-22")),
    Bug("wrong sign in the chain", CHAIN, neighbour_with_wrong_sign, ("BP-08",)),
    Bug(
        "worst cases of an explicit step",
        STUDY + "worst_cases:_WorstCase.step",
        subgradient_at_the_old_point,
        ("BP-06", "BP-11", "BP-15"),
    ),
    Bug(
        "shortest subgradient too short",
        "theorylab.problems.polyhedral:MaxAffine.shortest_subgradient",
        scaled_answer(0.5),
        ("BP-10",),
    ),
    Bug("plane of minimisers too wide", STUDY + "flat_l1:FlatL1.width_within", scaled_answer(1.01), ("BP-02",)),
    Bug("prox of the interpolant 10 % short", STUDY + "kinked_quartic:prox", other_gamma(0.9), ("BP-15",)),
    Bug("spectral ball 1 % too large", BOX + "MatrixLeastSquares.brox_spectral", scaled_radius(1.01), ("BP-18",)),
    Bug(
        "hills 5 % too wide",
        STUDY + "nonconvex_runs:least_radius_over_the_hills",
        scaled_answer(1.05),
        ("BP-20",),
    ),
    Bug("averages do not sum to one", STUDY + "multilevel:averages", scaled_answer(1.01), ("BP-23",)),
    Bug("inner error as its root", STUDY + "inexact_ball:inner_error", square_root, ("BP-22",)),
    Bug("envelope over a ball 10 % too small", ENVELOPE + "envelope", scaled_radius_function(0.9), ("BP-13",)),
    Bug("grid envelope 1 % too large", STUDY + "on_the_line:GridFunction.envelope", envelope_radius, ("BP-13",)),
    Bug(
        "projected gradient in half the ball",
        "theorylab.problems.broximal:brox_by_projected_gradient",
        half_the_ball,
        ("BP-03", "BP-04"),
    ),
]
