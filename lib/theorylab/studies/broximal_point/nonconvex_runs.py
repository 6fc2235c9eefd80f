"""Runs of the broximal point method on nonconvex functions of one variable, judged by the seven results."""

import numpy as np
import pandas as pd

from theorylab.studies.broximal_point.seven_results import step_facts

#: Column of ``step_facts`` -> (result, largest value that convexity allows, with room for a grid of spacing 5e-5).
RESULTS = {
    "boundary_error": ("Result 2", 1e-6),
    "distance_excess": ("Result 3", 1e-9),
    "gap_ratio": ("Result 5", 1 + 1e-9),
    "gradient_increase": ("Result 6", 1e-9),
}


def nonconvex_run(problem, x0: float, t: float, limit: int = 200) -> tuple[float, pd.DataFrame]:
    """End point and the facts of all steps that move and have no minimiser in reach, one row each.

    The run ends where the point no longer moves, or with the step whose ball holds the minimiser.
    """
    x, rows = np.array([float(x0)]), []
    for _ in range(limit):
        u, c = problem.brox(x, t)
        facts = step_facts(problem, x, u, t, c)
        if u == x:
            break
        if facts["off_last"]:
            rows.append({"x": float(x[0]), "u": float(u[0]), **facts})
        x = u
        if not facts["off_last"]:
            break
    return float(x[0]), pd.DataFrame(rows)


def violations(facts: pd.DataFrame) -> dict[str, int]:
    """Number of steps that violate each of Results 2, 3, 5 and 6."""
    return {name: int((facts[column] > limit).sum()) for column, (name, limit) in RESULTS.items()}


def least_radius_over_the_hills(problem, x0: float) -> float:
    """Largest distance from a local minimum between argmin and x0 to the nearest lower point: a radius that large gets
    over every hill on the way, a smaller one is caught. Read off the values alone, without any broximal point."""
    f, inside = problem.values, np.zeros(problem.nodes.size, dtype=bool)
    low, high = sorted((problem.minimiser, x0))
    inside[1:-1] = (f[1:-1] < f[:-2]) & (f[1:-1] < f[2:])
    inside &= (problem.nodes > low) & (problem.nodes < high)
    return max(float(np.abs(problem.nodes[f < f[i]] - problem.nodes[i]).min()) for i in np.flatnonzero(inside))
