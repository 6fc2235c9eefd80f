"""Can a composition of two odd polynomials do better than the greedy one? A search that knows no theory.

Minimise E over all coefficients of p_1 and p_2 subject to |1 - p_2(p_1(x))| <= E on a grid of [l, 1]: sequential
quadratic programming from many starts. What it finds is an upper bound of the optimum, so that it can refute the
optimality of the greedy composition but not prove it.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog, minimize

from theorylab.spectral import polar_express
from theorylab.spectral.minimax import best_cubic, best_quintic
from theorylab.spectral.odd_fit import evaluate
from theorylab.spectral.polynomials import CUBIC, QUINTIC

BEST = {3: best_cubic, 5: best_quintic}
CLASSICAL = {3: CUBIC, 5: QUINTIC}
GRID = 120
FINE = 20_001
POLISHES = 6
POLISHED = 4


class Found(NamedTuple):
    """A composition of two polynomials, the coefficients of x, x^3, ... of each, and its ``error`` on a fine grid."""

    coefficients: tuple[np.ndarray, np.ndarray]
    error: float


def greedy(lower: float, degrees: tuple[int, int]) -> Found:
    """The greedy composition of odd polynomials of the two ``degrees``: each the best on the interval that it meets.

    For equal degrees it is that of ``polar_express``.
    """
    if degrees[0] == degrees[1]:
        same = polar_express.coefficients(lower, 2, degree=degrees[0])
        found = tuple(np.array(polynomial[: (degrees[0] + 1) // 2]) for polynomial in same)
        return Found(found, worst(found, lower))
    ends, found = (lower, 1.0), []
    for degree in degrees:
        best = BEST[degree](*ends)
        found.append(np.array(best.polynomial[: (degree + 1) // 2]))
        ends = (1 - best.error, 1 + best.error)
    return Found(tuple(found), worst(found, lower))


def nodes(lower: float, count: int) -> np.ndarray:
    """``count`` points of [lower, 1], both ends included: half of them evenly spread, half in the logarithm."""
    even = np.linspace(lower, 1, count - count // 2)
    return np.union1d(even, np.geomspace(lower, 1, count // 2 + 2)[1:-1])


def worst(coefficients, lower: float) -> float:
    """max |1 - p_2(p_1(x))| over a fine grid of [lower, 1]."""
    return float(np.abs(_deviation(coefficients, nodes(lower, FINE))).max())


def _deviation(coefficients, x: np.ndarray) -> np.ndarray:
    first, second = coefficients
    return 1 - evaluate(second, evaluate(first, x))


def search(lower: float, degrees: tuple[int, int], starts: int, stream: np.random.Generator) -> Found:
    """Best composition of two odd polynomials of the ``degrees`` found from random starts that know neither ``lower``
    nor the greedy composition.

    A start is the classical Newton-Schulz polynomial of each degree, every coefficient multiplied by 2^(2 z) with a
    standard normal z of its own. The best end points are polished with their own worst points added: on the first,
    coarse points a wrong minimum can look better than the right one. For l >= 0.01 a start ends at the best composition
    with a probability of at least 1/4 (the lowest, for two quintics from 0.01), so that 24 starts miss it in one of a
    thousand searches.
    """
    x = nodes(lower, GRID)
    classical = [np.array(CLASSICAL[degree][: (degree + 1) // 2]) for degree in degrees]
    ends = []
    for _ in range(starts):
        found = improve([terms * 4.0 ** stream.standard_normal(len(terms)) for terms in classical], x)
        ends.append(Found(found, worst(found, lower)))
    ends.sort(key=lambda end: end.error)
    return min((_polished(end, lower, x) for end in ends[:POLISHED]), key=lambda end: end.error)


def _polished(best: Found, lower: float, x: np.ndarray) -> Found:
    """The local minimum on more and more points: the local maxima of the deviation join the grid."""
    fine = nodes(lower, FINE)
    for _ in range(POLISHES):
        size = np.abs(_deviation(best.coefficients, fine))
        peaks = np.flatnonzero((size[1:-1] >= size[:-2]) & (size[1:-1] >= size[2:])) + 1
        x = np.union1d(x, fine[peaks])
        found = improve(best.coefficients, x)
        error = worst(found, lower)
        if error < best.error:
            best = Found(found, error)
    return best


def improve(start, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A local minimum of the largest |1 - p_2(p_1(x))| over the points ``x``."""
    terms = len(start[0])
    odd = [np.arange(1, 2 * len(part), 2) for part in start]
    powers = x[:, None] ** odd[0]

    def split(unknowns):
        return unknowns[:terms], unknowns[terms:-1]

    def both_signs(unknowns):
        first, second = split(unknowns)
        r = 1 - evaluate(second, powers @ first)
        return np.r_[unknowns[-1] - r, unknowns[-1] + r]

    def both_slopes(unknowns):
        first, second = split(unknowns)
        inner = powers @ first
        outer_slope = inner[:, None] ** (odd[1] - 1) @ (odd[1] * second)
        s, ones = -np.hstack([outer_slope[:, None] * powers, inner[:, None] ** odd[1]]), np.ones((len(x), 1))
        return np.block([[-s, ones], [s, ones]])

    unknowns = np.concatenate(start)
    size = np.abs(_deviation(start, x)).max()
    with np.errstate(over="ignore", invalid="ignore"):  # a start may be far outside; the solver backs up
        solved = minimize(
            lambda unknowns: unknowns[-1],
            np.r_[unknowns, size],
            jac=lambda unknowns: np.eye(len(unknowns))[-1],
            constraints={"type": "ineq", "fun": both_signs, "jac": both_slopes},
            method="SLSQP",
            options={"maxiter": 200, "ftol": 1e-12},
        )
    return split(solved.x)


def single(lower: float, degree: int, count: int = 1500) -> float:
    """Error of the best single odd polynomial of ``degree`` on [lower, 1] by linear programming over odd Chebyshev
    polynomials: a lower bound up to the solver's tolerance, because only ``count`` points are constrained."""
    x = nodes(lower, count)
    basis = np.cos(np.arange(1, degree + 1, 2) * np.arccos(np.clip(x, -1, 1))[:, None])
    ones = np.ones((count, 1))
    solved = linprog(
        np.r_[np.zeros(basis.shape[1]), 1.0],
        A_ub=np.block([[-basis, -ones], [basis, -ones]]),
        b_ub=np.r_[-np.ones(count), np.ones(count)],
        bounds=[(None, None)] * basis.shape[1] + [(0, None)],
    )
    if not solved.success:
        raise ArithmeticError(f"the linear programme for degree {degree} on [{lower}, 1] failed: {solved.message}")
    return float(solved.x[-1])
