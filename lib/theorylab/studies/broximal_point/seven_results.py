"""The seven results of arXiv 2502.02002 as numbers of one broximal step x -> u.

Each number is a share of what the result allows, or a relative violation (positive means violated), so that one table
serves convex and nonconvex functions, the Euclidean ball and others.
"""

import numpy as np

GUARD = 1e-6  # steps with distance <= t (1 + GUARD) are last steps: their identities are round-off


def l2(v) -> float:
    """Euclidean norm, its own dual."""
    return float(np.linalg.norm(v))


def ratio(numerator: float, denominator: float) -> float:
    """numerator / denominator, and 0 where the denominator is not positive: at a minimiser nothing is left to share."""
    return numerator / denominator if denominator > 0 else 0.0


def step_facts(problem, x, u, radius: float, c: float = np.nan, norm=l2, dual=l2) -> dict:
    """Facts of the step x -> u = brox(x, t), with respect to the minimiser nearest to x (in ``problem``'s sense).

    ``off_last``: no minimiser within t (1 + 1e-6) of x.
    ``distance_before``, ``gap_before``: |x - x_*| and f(x) - f_*.
    ``boundary_error``: ||u - x| - t| / t (Result 2).
    ``slack``: 2 <x - u, u - x_*> / t^2, the slack of Result 3 without cancellation (Euclidean ball; NaN otherwise).
    ``distance_excess``: (|u - x_*|^2 - |x - x_*|^2 + t^2) / t^2, the violation of Result 3 in the given norm; for the
    Euclidean norm through the slack, free of cancellation.
    ``sharpness``: 2 (f(u) - f_*) / c over the slack, at most 1 (only with a multiplier ``c``, Euclidean ball).
    ``gap_ratio``: (f(u) - f_*)(1 + t / |u - x_*|) / (f(x) - f_*) (Result 5), at most 1.
    ``factor_distance``, ``factor_gap``: 1 - t^2 / |x - x_*|^2 and 1 / (1 + t / |u - x_*|), the factors of Results 3
    and 5.
    ``slope``: |grad f(u)|_*; ``multiplier_norm``: c |x - u| / |g|, g the shortest subgradient at x, at most 1 (Result
    6, extended; where ``problem`` has no ``shortest_subgradient`` its ``gradient`` is taken).
    ``gradient_increase``: |grad f(u)|_* / |grad f(x)|_* - 1 (Result 6), at most 0.
    ``descent_violation``: (f(u) + t |grad f(u)|_* - f(x)) / (f(x) - f_*) (Result 7), at most 0.
    Differences of function values are forgiven 1e-14 |f_*|, their rounding. Gradients of f at a kink are the ones that
    ``problem.gradient`` returns; use the last two only where f is differentiable.
    """
    star = problem.nearest_minimiser(x)
    before, after = norm(x - star), norm(u - star)
    gap_x, gap_u = problem.gap(x), problem.gap(u)
    slope_x, slope_u = dual(problem.gradient(x)), dual(problem.gradient(u))
    shortest = dual(getattr(problem, "shortest_subgradient", problem.gradient)(x))
    rounding = 1e-14 * abs(problem.min_loss)
    if norm is l2:
        slack = 2.0 * float((x - u) @ (u - star)) / radius**2
        excess = 1.0 - float((x - u) @ (x - u)) / radius**2 - slack
    else:
        slack, excess = np.nan, (after**2 - before**2 + radius**2) / radius**2
    return {
        "off_last": before > radius * (1.0 + GUARD),
        "distance_before": before,
        "gap_before": gap_x,
        "boundary_error": abs(norm(u - x) - radius) / radius,
        "slack": slack,
        "distance_excess": excess,
        "sharpness": ratio(2.0 * (gap_u - rounding), c * slack * radius**2),
        "gap_ratio": ratio((gap_u - rounding) * (1.0 + ratio(radius, after)), gap_x),
        "factor_distance": 1.0 - ratio(radius**2, before**2),
        "factor_gap": after / (after + radius),
        "slope": slope_u,
        "multiplier_norm": ratio(c * norm(x - u), shortest),
        "gradient_increase": ratio(slope_u, slope_x) - 1.0,
        "descent_violation": ratio(gap_u - gap_x + radius * slope_u - rounding, gap_x),
    }


def subgradient_violation(problem, x, u, c: float, points) -> float:
    """Largest relative violation of f(y) - f(u) >= c <x - u, y - u>, the Second Brox Theorem, over the ``points`` y.

    Relative to |f(y)| + |f(u)| + |c <x - u, y - u>|; negative when the inequality holds with room everywhere.
    """
    at_u = problem.loss(u)
    worst = -np.inf
    for y in points:
        rise, line = problem.loss(y) - at_u, c * float((x - u) @ (y - u))
        size = abs(rise + at_u) + abs(at_u) + abs(line)
        worst = max(worst, (line - rise) / size if size > 0 else 0.0)
    return worst


def points_around(u, generator, count: int = 80, scales=(1e-3, 10.0)) -> np.ndarray:
    """``count`` random points around u, shape (count, d), at distances spaced geometrically over ``scales``."""
    directions = generator.standard_normal((count, u.size))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return u + np.geomspace(*scales, count)[:, None] * directions
