"""The seven results of arXiv 2502.02002 as numbers of one broximal step x -> u.

Each number is a share of what the result allows, or a relative violation (positive means violated), so that one table
serves convex and nonconvex functions, the Euclidean ball and others.
"""

import numpy as np

GUARD = 1e-6  # steps with distance <= t (1 + GUARD) are last steps: their identities are round-off


def l2(v) -> float:
    """Euclidean norm, its own dual."""
    return float(np.linalg.norm(v))


def step_facts(problem, x, u, radius: float, norm=l2, dual=l2) -> dict:
    """Facts of the step x -> u = brox(x, t), with respect to the minimiser nearest to x (in ``problem``'s sense).

    ``off_last``: no minimiser within t (1 + 1e-6) of x.
    ``boundary_error``: ||u - x| - t| / t (Result 2).
    ``slack``: 2 <x - u, u - x_*> / t^2, the slack of Result 3 without cancellation (Euclidean ball; NaN otherwise).
    ``distance_excess``: (|u - x_*|^2 - |x - x_*|^2 + t^2) / t^2, the violation of Result 3 in the given norm.
    ``gap_ratio``: (f(u) - f_*)(1 + t / |u - x_*|) / (f(x) - f_*) (Result 5), at most 1.
    ``gradient_increase``: |grad f(u)|_* / |grad f(x)|_* - 1 (Result 6), at most 0.
    ``descent_violation``: (f(u) + t |grad f(u)|_* - f(x)) / (f(x) - f_*) (Result 7), at most 0.
    Differences of function values are forgiven 1e-14 |f_*|, their rounding. Gradients of f at a kink are the ones that
    ``problem.gradient`` returns; use the last two only where f is differentiable.
    """
    star = problem.nearest_minimiser(x)
    before, after = norm(x - star), norm(u - star)
    gap_x, gap_u = problem.gap(x), problem.gap(u)
    slope_x, slope_u = dual(problem.gradient(x)), dual(problem.gradient(u))
    rounding = 1e-14 * abs(problem.min_loss)
    return {
        "off_last": before > radius * (1.0 + GUARD),
        "distance_before": before,
        "boundary_error": abs(norm(u - x) - radius) / radius,
        "slack": 2.0 * float((x - u) @ (u - star)) / radius**2 if norm is l2 else np.nan,
        "distance_excess": (after**2 - before**2 + radius**2) / radius**2,
        "gap_ratio": (gap_u - rounding) * (1.0 + radius / after) / gap_x if after > 0 else 0.0,
        "gradient_increase": slope_u / slope_x - 1.0,
        "descent_violation": (gap_u - gap_x + radius * slope_u - rounding) / gap_x,
    }
