"""Runs of the broximal point method on its test family, one row per step, with the facts of the seven results."""

from theorylab.methods.ball_proximal import ended, trajectory
from theorylab.random import generator
from theorylab.studies.broximal_point.brox_family import CLOSED_FORM, CONIC, member
from theorylab.studies.broximal_point.radii import Constant, Decaying, Random, steps_allowed
from theorylab.studies.broximal_point.seven_results import step_facts

SCHEDULES = ("constant", "decaying", "random")


def radius_schedule(kind: str, t: float, seed: int):
    """Schedule ``kind`` at scale t: constant t, t / (1 + k)^0.4, or uniform in [t/2, 3t/2]."""
    match kind:
        case "constant":
            return Constant(t)
        case "decaying":
            return Decaying(t, 0.4)
        case "random":
            return Random(t, seed)
    raise ValueError(f"unknown schedule {kind!r}; choose one of {', '.join(SCHEDULES)}")


def solver_of(name: str) -> str:
    """How the operator of a member is computed: "closed form", "Newton" or "conic"."""
    return "closed form" if name in CLOSED_FORM else "conic" if name in CONIC else "Newton"


def family_run(
    seed: int, name: str, schedule: str, share: float, dimension: int = 10, distance: float = 2.0, limit: int = 2000
) -> list[dict]:
    """Rows of one run of BPM on member ``name`` from distance ``distance``, t = ``share`` * distance.

    The run ends with the step of Result 1. It may take twice the K steps that Result 4 allows, and two more (at most
    ``limit``): a run that needs too many is seen to need them. Every row repeats ``k_allowed`` (that K), ``ended`` (did
    the run end with the step of Result 1?) and ``final_gap`` = (f(x_end) - f_*) / (f(x_0) - f_*); ``sum_t2`` is the sum
    of t^2 over the steps before this one, over distance^2; ``relative_gap`` is the gap after the step over that at the
    start; ``factor_distance`` = 1 - t^2 / |x - x_*|^2 and ``factor_gap`` = 1 / (1 + t / |u - x_*|) are the factors of
    Results 3 and 5.
    ``average_slope`` is the weighted mean of |grad f(x_{j+1})| so far, ``gap_over_time`` its bound in Result 7 and
    ``average_bound`` the ratio of the two.
    """
    problem = member(name, dimension, seed)
    x0 = problem.start(distance, generator(seed, "family run", name))
    radius = radius_schedule(schedule, share * distance, seed)
    allowed = steps_allowed(radius, distance)
    states = trajectory(problem, x0, radius, min(2 * allowed + 2, limit))
    final_gap = max(problem.gap(states[-1].point), 0.0) / problem.gap(x0)
    rows, sum_t2, sum_slopes, sum_t = [], 0.0, 0.0, 0.0
    for s in states[1:]:
        facts = step_facts(problem, s.previous, s.point, s.radius, s.multiplier)
        sum_t += s.radius
        sum_slopes += s.radius * facts["slope"]
        rows.append(
            {
                "k": s.k,
                "solver": solver_of(name),
                "smooth": problem.smooth,
                "t": s.radius,
                "sum_t2": sum_t2 / distance**2,
                "k_allowed": allowed,
                "ended": ended(problem, states[-1]),
                "final_gap": final_gap,
                "relative_gap": max(problem.gap(s.point), 0.0) / problem.gap(x0),
                "average_bound": sum_slopes / problem.gap(x0),
                "average_slope": sum_slopes / sum_t,
                "gap_over_time": problem.gap(x0) / sum_t,
                **facts,
            }
        )
        sum_t2 += s.radius**2
    return rows
