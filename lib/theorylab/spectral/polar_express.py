"""Minimax compositions of odd polynomials: Polar Express and CANS, computed, never pasted.

The composition p_T o ... o p_1 that brings every x in [l, 1] nearest to one is found greedily: each p_t is the best
polynomial on the interval [l_t, u_t] that the steps before it have reached, and maps it onto [l_{t+1}, u_{t+1}] =
[p_t(l_t), 2 - p_t(l_t)]. Sources: Amsel, Persson, Musco, Gower (arXiv 2505.16932), Theorem 3.1 and section 3; Grishina,
Smirnov, Rakhuba, CANS (arXiv 2506.10935).
"""

import functools
from typing import NamedTuple

from scipy.optimize import brentq

from theorylab.spectral.minimax import best_cubic, best_quintic
from theorylab.spectral.polynomials import OddQuintic, evaluate

BEST = {3: best_cubic, 5: best_quintic}


class Step(NamedTuple):
    """One step of a composition: the ``polynomial``, the interval ``carried`` to it by the steps before, the interval
    on which it was ``fitted``, and the ``error`` of the best polynomial there."""

    polynomial: OddQuintic
    carried: tuple[float, float]
    fitted: tuple[float, float]
    error: float


@functools.cache
def greedy(lower: float, steps: int, *, degree: int = 5, cushion: float = 0.0, safety: float = 1.0) -> tuple[Step, ...]:
    """``steps`` greedy steps of odd ``degree`` (3 or 5) from [lower, 1].

    ``cushion`` > 0 raises the lower end of the fitted interval to cushion * u and recentres the polynomial by
    2 / (p(l) + p(u)), so that p(x)/x stays away from zero inside the interval. ``safety`` s > 1 replaces p(x) by p(x/s)
    in all steps but the last, because rounding can push values slightly above u. Without both the composition is
    minimax in the worst case over [lower, 1]. Raises ValueError for lower outside (0, 1], steps < 1, another degree, a
    cushion outside [0, 1) or a safety below 1.
    """
    if not 0 < lower <= 1:
        raise ValueError(f"lower must lie in (0, 1], got {lower!r}")
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps!r}")
    if degree not in BEST:
        raise ValueError(f"degree must be 3 or 5, got {degree!r}")
    if not 0 <= cushion < 1 or safety < 1:
        raise ValueError(f"cushion must lie in [0, 1) and safety be at least 1, got {cushion!r} and {safety!r}")
    found, low, high = [], float(lower), 1.0
    for step in range(steps):
        fitted = max(low, cushion * high)
        best = BEST[degree](fitted, high)
        a, b, c = best.polynomial
        if fitted > low:
            scale = 2 / float(evaluate(best.polynomial, low) + evaluate(best.polynomial, high))
            a, b, c = scale * a, scale * b, scale * c
        if safety > 1 and step < steps - 1:
            a, b, c = a / safety, b / safety**3, c / safety**5
        polynomial = OddQuintic(a, b, c)
        found.append(Step(polynomial, (low, high), (fitted, high), best.error))
        low = min(float(evaluate(polynomial, low)), 1.0)
        high = 2 - low
    return tuple(found)


def coefficients(lower: float, steps: int, *, degree: int = 5, cushion: float = 0.0, safety: float = 1.0):
    """The polynomials of :func:`greedy`, first step first."""
    return tuple(step.polynomial for step in greedy(lower, steps, degree=degree, cushion=cushion, safety=safety))


def reached(steps: tuple[Step, ...]) -> tuple[float, float]:
    """The interval that the last step of a greedy composition leaves: without a safety factor, the image of the first
    carried interval."""
    low = min(float(evaluate(steps[-1].polynomial, steps[-1].carried[0])), 1.0)
    return low, 2 - low


@functools.cache
def paper_cushion(ratio: float = 10.0) -> float:
    """The cushion of the Polar Express paper: the l at which the best quintic on [l, 1] maps onto an interval whose
    ends have the given ratio, (1 + E)/(1 - E) = ratio."""

    def excess(lower: float) -> float:
        error = best_quintic(lower).error
        return (1 + error) / (1 - error) - ratio

    return float(brentq(excess, 1e-3, 0.5, xtol=1e-16, rtol=1e-15))


@functools.cache
def delta_orthogonalizing(
    steps: int, delta: float, *, degree: int = 5, cushion: float = 0.0, safety: float = 1.0
) -> tuple[tuple[Step, ...], float]:
    """CANS: the greedy composition from the smallest lower end A whose ``steps`` steps end inside [1 - delta, 1 +
    delta], and A itself. Among compositions with that final band it has the largest slope at zero, as long as
    ``cushion`` and ``safety`` (see :func:`greedy`) are left out; with them it is the same construction made safe
    against rounding.

    Raises ValueError for delta outside (0, 1).
    """
    if not 0 < delta < 1:
        raise ValueError(f"delta must lie in (0, 1), got {delta!r}")

    def from_(lower: float) -> tuple[Step, ...]:
        return greedy(lower, steps, degree=degree, cushion=cushion, safety=safety)

    def excess(lower: float) -> float:
        return (1 - delta) - reached(from_(lower))[0]

    lower = float(brentq(excess, 1e-12, 1 - delta, xtol=1e-18, rtol=1e-14))
    return from_(lower), lower
