"""Can a composition of two odd polynomials do better than the greedy one? A search that knows no theory.

Minimise E over all coefficients of p_1 and p_2 subject to |1 - p_2(p_1(x))| <= E on a grid of [l, 1]: sequential
quadratic programming from many starts. What it finds is an upper bound of the optimum, so that it can refute the
optimality of the greedy composition but not prove it.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog, minimize

from theorylab.spectral.minimax import best_cubic, best_quintic
from theorylab.spectral.odd_fit import evaluate

BEST = {3: best_cubic, 5: best_quintic}
GRID = 120
FINE = 20_001
POLISHES = 6


class Found(NamedTuple):
    """A composition of two polynomials, coefficients of x, x^3, ... in each row, and its ``error`` on a fine grid."""

    coefficients: np.ndarray
    error: float


def nodes(lower: float, count: int) -> np.ndarray:
    """``count`` points of [lower, 1], both ends included: half of them evenly spread, half in the logarithm."""
    even = np.linspace(lower, 1, count - count // 2)
    return np.union1d(even, np.geomspace(lower, 1, count // 2 + 2)[1:-1])


def worst(coefficients: np.ndarray, lower: float) -> float:
    """max |1 - p_2(p_1(x))| over a fine grid of [lower, 1]."""
    return float(np.abs(_deviation(coefficients, nodes(lower, FINE))).max())


def _deviation(coefficients: np.ndarray, x: np.ndarray) -> np.ndarray:
    first, second = coefficients
    return 1 - evaluate(second, evaluate(first, x))


def search(lower: float, degree: int, starts: int, stream: np.random.Generator) -> Found:
    """Best composition of two odd polynomials of ``degree`` found from random starts.

    A start is the best polynomial on [l, 1] and the best one on [0.2, 1.8], each coefficient multiplied by a normal
    random number of mean 1 and deviation 1/2. The best end point is polished with its own worst points added.
    """
    x = nodes(lower, GRID)
    terms = (degree + 1) // 2
    guess = np.array([best.polynomial[:terms] for best in (BEST[degree](lower, 1.0), BEST[degree](0.2, 1.8))])
    best = None
    for _ in range(starts):
        start = guess * (1 + 0.5 * stream.standard_normal(guess.shape))
        found = improve(start, x)
        error = worst(found, lower)
        if best is None or error < best.error:
            best = Found(found, error)
    return _polished(best, lower, x)


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


def improve(start: np.ndarray, x: np.ndarray) -> np.ndarray:
    """A local minimum of the largest |1 - p_2(p_1(x))| over the points ``x``."""
    terms = start.shape[1]
    powers = x[:, None] ** np.arange(1, 2 * terms, 2)

    def residual(unknowns):
        first, second = unknowns[:-1].reshape(2, terms)
        return 1 - evaluate(second, powers @ first)

    def slopes(unknowns):
        first, second = unknowns[:-1].reshape(2, terms)
        inner = powers @ first
        odd = np.arange(1, 2 * terms, 2)
        outer_slope = inner[:, None] ** (odd - 1) @ (odd * second)
        return -np.hstack([outer_slope[:, None] * powers, inner[:, None] ** odd])

    def both_signs(unknowns):
        r = residual(unknowns)
        return np.r_[unknowns[-1] - r, unknowns[-1] + r]

    def both_slopes(unknowns):
        s, ones = slopes(unknowns), np.ones((len(x), 1))
        return np.block([[-s, ones], [s, ones]])

    size = np.abs(residual(np.r_[start.ravel(), 0.0])).max()
    solved = minimize(
        lambda unknowns: unknowns[-1],
        np.r_[start.ravel(), size],
        jac=lambda unknowns: np.eye(len(unknowns))[-1],
        constraints={"type": "ineq", "fun": both_signs, "jac": both_slopes},
        method="SLSQP",
        options={"maxiter": 200, "ftol": 1e-12},
    )
    return solved.x[:-1].reshape(2, terms)


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
