"""Planted bugs of notebook 05_projected_sgd_clt.

A compiled kernel cannot be patched from inside. A bug in one is a second compilation of the same source with other
globals; everything else is wrong at the Python level.
"""

import math
import types

import numpy as np
import sympy as sp
from numba import njit

from tests.planted import Bug, scaled

STEM = "05_projected_sgd_clt"
STUDY = "theorylab.studies.projected_sgd_clt"


def recompiled(**wrong):
    """The kernel with some of its globals replaced."""

    def patch(kernel):
        source = kernel.py_func
        return njit(types.FunctionType(source.__code__, {**source.__globals__, **wrong}, source.__name__))

    return patch


@njit(inline="always")
def onto_one_ball(y1, y2, y3):
    """A projection that stops at the far ball, wherever on it."""
    a = abs(y1)
    size = math.sqrt((a + 1.0) * (a + 1.0) + y2 * y2 + y3 * y3)
    if size <= 2.0:
        return y1, y2, y3
    k = 2.0 / size
    first = k * (a + 1.0) - 1.0
    return (-first if y1 < 0.0 else first), k * y2, k * y3


def circle_of(radius):
    """The compiled projection with a corner circle of another radius."""

    @njit(inline="always")
    def project(y1, y2, y3):
        a = abs(y1)
        r2 = y2 * y2 + y3 * y3
        size = math.sqrt((a + 1.0) * (a + 1.0) + r2)
        if size <= 2.0:
            return y1, y2, y3
        k = 2.0 / size
        first = k * (a + 1.0) - 1.0
        if first >= 0.0:
            return (-first if y1 < 0.0 else first), k * y2, k * y3
        k = radius / math.sqrt(r2)
        return 0.0, k * y2, k * y3

    return project


def far_ball_only(project):
    """The reference projection without its third case."""

    def wrong(y):
        away = np.abs(y[..., 0]) + 1
        size = np.hypot(away, np.hypot(y[..., 1], y[..., 2]))
        k = np.where(size > 2, 2 / np.maximum(size, 1e-300), 1.0)
        first = np.copysign(k * away - 1, y[..., 0])
        return np.stack([np.where(size > 2, first, y[..., 0]), k * y[..., 1], k * y[..., 2]], -1)

    return wrong


def scaled_exponent(factor):
    """Steps k^-(a * factor)."""

    def patch(stepsizes):
        return lambda exponents, first, count: stepsizes(factor * np.asarray(exponents), first, count)

    return patch


def late_by_one(stepsizes):
    """The first step has the size of the second."""
    return lambda exponents, first, count: stepsizes(exponents, first + 1, count)


def skips_the_last(advance_all):
    """The average of the iterates 0..k-1."""

    def wrong(advance, dimension, schedule, lanes, **rest):
        found = advance_all(advance, dimension, schedule, lanes, **rest)
        steps = found.checkpoints[:, None, None, None]
        return found._replace(mean=found.mean - found.last / steps)

    return wrong


def scaled_field(field, factor):
    """One field of the conditions is off by a factor."""

    def patch(conditions):
        def wrong(*args):
            found = conditions(*args)
            value = getattr(found, field)
            return found._replace(
                **{field: tuple(factor * v for v in value) if field == "multipliers" else factor * value}
            )

        return wrong

    return patch


def normals_without_the_factor_two(constraints):
    """Constraint functions halved: gradients x -+ e1, and multipliers twice as large."""
    return lambda: [g / 2 for g in constraints()]


def own_mean(projected):
    """The exact dual-averaging variance without the growing memory: every W_j is that of the last step."""
    return lambda exponent, steps: 1.0


def forgotten_memory(project_onto):
    """Dual averaging over a ball that is too large to bind."""
    return njit(lambda domain, radius, y: None)


def on_unit_scale(solutions):
    """Sample averages with the noise of a single sample over k instead of its root."""
    return lambda objective, steps, noise: solutions(objective, steps**2, noise)


def one_sided_closed_form(solutions):
    """The closed form of the corner for all samples."""

    def wrong(objective, steps, noise):
        h = -(np.asarray(objective) + np.asarray(noise) / np.sqrt(steps))
        r = np.hypot(h[..., 1], h[..., 2])
        return math.sqrt(3) * np.stack([0 * r, h[..., 1] / r, h[..., 2] / r], -1)

    return wrong


def never_on_the_corner(on_corner):
    """Whether a sample average solution is on the corner, with the threshold on the wrong side."""
    return lambda h: ~on_corner(h)


def shifted_start(run):
    """Deviations taken from a point one percent too high."""
    return lambda self, star: run(self, 1.01 * np.asarray(star))


@njit(inline="always")
def first_face_only(y1, y2):
    """The wedge without its second face."""
    return min(y1, 0.0), y2


def through_one_face(kernel):
    """Dual averaging over a wedge that has lost a face."""
    project_onto = kernel.py_func.__globals__["project_onto"]
    return recompiled(project_onto=recompiled(project_wedge=first_face_only)(project_onto))(kernel)


def white(checked_root):
    """Noise that forgets its covariance."""
    return lambda root, dimension: np.eye(dimension)


def never_in_the_corner(walk):
    """A corner walk that stops short of the corner."""
    return lambda noise: walk(noise) - 1e-6


def twice_the_noise(tilting_noise):
    """Noise of twice the size, around the same mean."""
    return lambda tilt: lambda x, g: tilting_noise(tilt)(x, 2 * g)


def transposed_drift(equilibrium):
    """The game of the other player."""

    def wrong(game):
        found = equilibrium(game)
        return found._replace(A=found.A.T)

    return wrong


def half_the_width(intervals):
    """Batch-means intervals that are too narrow."""

    def wrong(edges, means):
        centre, half = intervals(edges, means)
        return centre, half / 2

    return wrong


KERNELS = f"{STUDY}.kernels"
SGD = f"{STUDY}.projected_sgd"
EXACT = f"{STUDY}.averaged_covariance"

BUGS = [
    Bug(
        "compiled projection stops at one ball",
        f"{KERNELS}:lens_sgd",
        recompiled(project_lens=onto_one_ball),
        ("CL-04",),
    ),
    Bug(
        "compiled circle radius +1 %",
        f"{KERNELS}:lens_sgd",
        recompiled(project_lens=circle_of(1.01 * math.sqrt(3))),
        ("CL-04", "CL-07"),
    ),
    Bug(
        "compiled circle radius -1 %",
        f"{KERNELS}:lens_sgd",
        recompiled(project_lens=circle_of(0.99 * math.sqrt(3))),
        ("CL-04", "CL-07"),
    ),
    Bug("reference projection stops at one ball", f"{STUDY}.lens:project", far_ball_only, ("CL-03", "CL-04")),
    Bug("average skips the last iterate", f"{SGD}:_advance_all", skips_the_last, ("CL-04", "CL-15")),
    Bug("sum of iterates +1 %", f"{SGD}:running_mean", scaled(1.01), ("CL-04", "CL-07", "CL-15")),
    Bug("sum of iterates -1 %", f"{SGD}:running_mean", scaled(0.99), ("CL-04", "CL-15")),
    Bug("step exponent +1 %", f"{SGD}:stepsizes", scaled_exponent(1.01), ("CL-04",)),
    Bug("step exponent -1 %", f"{SGD}:stepsizes", scaled_exponent(0.99), ("CL-04",)),
    Bug("steps one late", f"{SGD}:stepsizes", late_by_one, ("CL-04",)),
    Bug("finite-k variance +1 %", f"{EXACT}:averaged_variance", scaled(1.01), ("CL-05",)),
    Bug("finite-k variance -1 %", f"{EXACT}:averaged_variance", scaled(0.99), ("CL-05",)),
    Bug("variance of dual averaging +1 %", f"{EXACT}:dual_averaging_variance", scaled(1.01), ("CL-15",)),
    Bug("variance of dual averaging -1 %", f"{EXACT}:dual_averaging_variance", scaled(0.99), ("CL-15",)),
    Bug("limit of dual averaging +1 %", f"{EXACT}:dual_averaging_limit", scaled(1.01), ("CL-15",)),
    Bug("limit of dual averaging -1 %", f"{EXACT}:dual_averaging_limit", scaled(0.99), ("CL-15",)),
    Bug("dual averaging without its long memory", f"{EXACT}:dual_averaging_variance", own_mean, ("CL-15",)),
    Bug(
        "dual averaging forgets to project",
        f"{KERNELS}:dual_averaging",
        recompiled(project_onto=forgotten_memory(None)),
        ("CL-15", "CL-16"),
    ),
    Bug("multipliers +1 %", f"{STUDY}.lens_conditions:conditions", scaled_field("multipliers", 1.01), ("CL-01c",)),
    Bug("multipliers -1 %", f"{STUDY}.lens_conditions:conditions", scaled_field("multipliers", 0.99), ("CL-01c",)),
    Bug(
        "multipliers with the wrong sign",
        f"{STUDY}.lens_conditions:conditions",
        scaled_field("multipliers", -1),
        ("CL-01", "CL-01c", "CL-02"),
    ),
    Bug(
        "limit covariance not squared",
        f"{STUDY}.lens_conditions:conditions",
        scaled_field("covariance", 1 / sp.sqrt(3)),
        ("CL-01c",),
    ),
    Bug(
        "constraints halved",
        f"{STUDY}.lens_conditions:constraints",
        normals_without_the_factor_two,
        ("CL-01c", "CL-06"),
    ),
    Bug("sample averages too precise", f"{STUDY}.sample_average:saa_solutions", on_unit_scale, ("CL-11", "CL-17")),
    Bug(
        "closed form of the corner everywhere",
        f"{STUDY}.sample_average:saa_solutions",
        one_sided_closed_form,
        ("CL-11", "CL-17"),
    ),
    Bug("corner test reversed", f"{STUDY}.lens:on_corner", never_on_the_corner, ("CL-11", "CL-01c")),
    Bug(
        "deviations from a point 1 % too high",
        f"{SGD}:Chains.deviations",
        shifted_start,
        ("CL-04", "CL-07", "CL-09", "CL-17"),
    ),
    Bug("noise forgets its covariance", f"{SGD}:checked_root", white, ("CL-04", "CL-09")),
    Bug("noise that depends on x, doubled", f"{STUDY}.row_sgd:tilting_noise", twice_the_noise, ("CL-04",)),
    Bug("corner walk 20 % too deep", f"{STUDY}.corner:corner_walk", scaled(1.2), ("CL-07",)),
    Bug("corner walk never in the corner", f"{STUDY}.corner:corner_walk", never_in_the_corner, ("CL-08",)),
    Bug("normal offset +10 %", f"{STUDY}.corner:normal_sums", scaled(1.1), ("CL-07",)),
    Bug("mean of the reflected process +1 %", f"{STUDY}.corner:reflected_mean", scaled(1.01), ("CL-17",)),
    Bug("mean of the reflected process -10 %", f"{STUDY}.corner:reflected_mean", scaled(0.9), ("CL-17",)),
    Bug("quantile +1 %", f"{STUDY}.limit_law:QUANTILE", lambda quantile: 1.01 * quantile, ("CL-13",)),
    Bug("batch means half as wide", f"{STUDY}.limit_law:batch_mean_intervals", half_the_width, ("CL-13",)),
    Bug("van Trees bound +1 %", f"{STUDY}.local_minimax:van_trees_bound", scaled(1.01), ("CL-12",)),
    Bug("Bayes risk -5 %", f"{STUDY}.local_minimax:bayes_risk", scaled(0.95), ("CL-12",)),
    Bug("variance of the last iterate +1 %", f"{EXACT}:last_variance", scaled(1.01), ("CL-10",)),
    Bug("sample averages on the ball too precise", f"{STUDY}.sample_average:ball_solutions", on_unit_scale, ("CL-15",)),
    Bug("information of the logistic model +30 %", f"{STUDY}.logistic_sgd:information", scaled(1.3), ("CL-14",)),
    Bug("wedge with one face", f"{KERNELS}:dual_averaging", through_one_face, ("CL-16",)),
    Bug("drift of the game transposed", f"{STUDY}.disc_game:equilibrium", transposed_drift, ("CL-18",)),
]
