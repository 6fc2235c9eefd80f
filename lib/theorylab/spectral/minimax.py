"""Best odd cubics and quintics for the constant one on an interval, with the certificate of their optimality.

On [l, u], 0 < l < u, the odd polynomial p of degree 3 (5) that minimises max |1 - p| is unique; its error 1 - p takes
the values +E, -E, +E (, -E) at 3 (4) points, starting at l, so that p maps [l, u] onto [1 - E, 1 + E]. Source: Amsel,
Persson, Musco and Gower, The Polar Express (arXiv 2505.16932), section 3; alternation theorem of Chebyshev, lower
bound of de la Vallee-Poussin.
"""

from typing import NamedTuple

import numpy as np

from theorylab.spectral.polynomials import QUINTIC, OddQuintic, evaluate

# Nearer to one the alternation system is singular in double precision, and its solution tends to the classical quintic.
NEARLY_ONE = 1 - 5e-6
MAX_ROUNDS = 50


class Best(NamedTuple):
    """A best polynomial, its error E, the points at which 1 - p alternates, and the Remez rounds it took."""

    polynomial: OddQuintic
    error: float
    alternation: tuple[float, ...]
    rounds: int


def _check_interval(lower: float, upper: float) -> None:
    if not 0 < lower <= upper < np.inf:
        raise ValueError(f"0 < lower <= upper is needed, got lower={lower!r}, upper={upper!r}")


def best_cubic(lower: float, upper: float = 1.0) -> Best:
    """Best odd cubic on [lower, upper] in closed form.

    a = 3/2 alpha beta, b = -1/2 alpha^3 beta with alpha = sqrt(3 / (u^2 + u l + l^2)),
    beta = 4 / (2 + l u (l + u) alpha^3), E = beta - 1. Raises ValueError unless 0 < lower <= upper.
    """
    _check_interval(lower, upper)
    alpha = np.sqrt(3 / (upper**2 + upper * lower + lower**2))
    beta = 4 / (2 + lower * upper * (lower + upper) * alpha**3)
    polynomial = OddQuintic(1.5 * alpha * beta, -0.5 * alpha**3 * beta, 0.0)
    return Best(OddQuintic(*map(float, polynomial)), float(beta - 1), (lower, float(1 / alpha), upper), 0)


def best_quintic(lower: float, upper: float = 1.0) -> Best:
    """Best odd quintic on [lower, upper] by the Remez exchange in double precision.

    Each round solves p(l) + E = p(q) - E = p(r) + E = p(u) - E = 1 for (a, b, c, E) and moves q, r to the interior
    critical points of p, until E stops changing. For lower/upper above 1 - 5e-6 the classical quintic scaled by upper
    is returned, with its error on the interval. Raises ValueError unless 0 < lower <= upper.
    """
    _check_interval(lower, upper)
    if lower / upper > NEARLY_ONE:
        polynomial = OddQuintic(QUINTIC.a / upper, QUINTIC.b / upper**3, QUINTIC.c / upper**5)
        return Best(polynomial, abs(1 - float(evaluate(polynomial, lower))), (lower, upper), 0)
    inner, error = np.array([(3 * lower + upper) / 4, (lower + 3 * upper) / 4]), np.inf
    signs = np.array([1.0, -1.0, 1.0, -1.0])
    for rounds in range(1, MAX_ROUNDS + 1):  # noqa: B007 (the last value is part of the answer)
        points = np.array([lower, *inner, upper])
        system = np.stack([points, points**3, points**5, signs], axis=1)
        a, b, c, new_error = np.linalg.solve(system, np.ones(4))
        root = np.sqrt(9 * b**2 - 20 * a * c)
        inner = np.sqrt((-3 * b + np.array([-1, 1]) * root) / (10 * c))
        if abs(new_error - error) < 1e-15:
            break
        error = new_error
    else:
        raise ArithmeticError(f"the Remez exchange did not settle on [{lower}, {upper}] in {MAX_ROUNDS} rounds")
    alternation = (lower, *map(float, inner), upper)
    return Best(OddQuintic(float(a), float(b), float(c)), float(new_error), alternation, rounds)


class Certificate(NamedTuple):
    """``lower_bound`` <= E* <= ``upper_bound`` for the error E* of the best polynomial of this degree, and the
    ``spread`` max - min of |1 - p| over the alternation points."""

    lower_bound: float
    upper_bound: float
    spread: float


def certificate(best: Best, *, grid: int = 400_000) -> Certificate:
    """Both bounds on the best error that ``best`` proves.

    If 1 - p alternates in sign at k points of [l, u], no polynomial of the family (k - 1 free coefficients) has an
    error below the smallest |1 - p| there (de la Vallee-Poussin); the largest |1 - p| on a grid, critical points
    included, bounds it from above. Raises ArithmeticError when the signs do not alternate.
    """
    points = np.array(best.alternation)
    residual = 1 - evaluate(best.polynomial, points)
    if (residual[:-1] * residual[1:] >= 0).any():
        raise ArithmeticError(f"1 - p does not alternate in sign at {best.alternation}: {residual}")
    nodes = np.concatenate([np.linspace(points[0], points[-1], grid), points])
    upper = float(np.abs(1 - evaluate(best.polynomial, nodes)).max())
    return Certificate(float(np.abs(residual).min()), upper, float(np.ptp(np.abs(residual))))
