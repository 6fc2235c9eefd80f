"""Scalar iterations in many digits: orders of convergence, basins, and iteration counts without rounding."""

from collections.abc import Sequence

import mpmath
from scipy.optimize import brentq

from theorylab.spectral import zolotarev
from theorylab.spectral.polynomials import OddQuintic, evaluate

CONVERGED = 1e-15
LOST = 1e6


def order(polynomial: OddQuintic, start: float = 0.7, *, steps: int = 5, digits: int = 200) -> float:
    """Order of convergence to 1: the last ratio of successive differences of log |1 - x_k|."""
    with mpmath.workdps(digits):
        x, logs = mpmath.mpf(start), []
        for _ in range(steps):
            x = evaluate(polynomial, x)
            logs.append(mpmath.log(abs(1 - x)))
        return float((logs[-1] - logs[-2]) / (logs[-2] - logs[-3]))


def limit(polynomial: OddQuintic, start: float, *, most: int = 400) -> float | None:
    """Where x <- p(x) goes: +1.0 or -1.0, inf when it leaves every bound, None when it settles nowhere."""
    x = start
    for _ in range(most):
        x = float(evaluate(polynomial, x))
        if abs(x) > LOST:
            return float("inf")
        if abs(abs(x) - 1) < 1e-12:
            return 1.0 if x > 0 else -1.0
    return None


def orbit_end(polynomial: OddQuintic, start: float, *, steps: int = 4000) -> float:
    """Where x <- p(x) is after ``steps`` steps: on an attracting cycle, if there is one."""
    for _ in range(steps):
        start = float(evaluate(polynomial, start))
    return start


def halley_iterations(condition: float, *, weighted: bool = True, digits: int = 60) -> int:
    """Iterations of l <- l (a + b l^2)/(1 + c l^2) from 1/condition until 1 - l < 1e-15.

    The weights are those of ``qdwh.weights``, in ``digits`` digits and in the form that is printed in Nakatsukasa, Bai
    and Gygi (2010), or Halley's (3, 1, 3) throughout.
    """
    with mpmath.workdps(digits):
        lower, count = 1 / mpmath.mpf(condition), 0
        while 1 - lower >= CONVERGED:
            a, b, c = _weights(lower) if weighted else (3, 1, 3)
            lower, count = lower * (a + b * lower**2) / (1 + c * lower**2), count + 1
        return count


def _weights(lower):
    d = mpmath.cbrt(4 * (1 - lower**2) / lower**4)
    root = mpmath.sqrt(1 + d)
    a = root + mpmath.sqrt(8 - 4 * d + 8 * (2 - lower**2) / (lower**2 * root)) / 2
    b = (a - 1) ** 2 / 4
    return a, b, a + b - 1


def after_two(condition: float, order: int) -> float:
    """1 - l after two Zolotarev iterations of ``order`` from l = 1/condition."""
    lower = 1 / mpmath.mpf(condition)
    for _ in range(2):
        lower = zolotarev.advance(lower, order)
    return float(1 - lower)


def nome_exponent(lower: float, order: int) -> float:
    """The power to which one Zolotarev iteration of ``order`` raises the nome q of the complementary modulus of l.

    The nome is that of the modulus sqrt(1 - l^2). Near one 1 - l is 8 q, so that the exponent is the order of
    convergence; the theory of the transformation of elliptic functions says 2 ``order`` + 1, for every l.
    """
    with mpmath.workdps(zolotarev.DIGITS):
        new = zolotarev.advance(mpmath.mpf(lower), order)
        logs = [mpmath.log(mpmath.qfrom(m=1 - mpmath.mpf(end) ** 2)) for end in (lower, new)]
        return float(logs[1] / logs[0])


def two_step_condition(order: int, bracket: Sequence[float], *, relative: float = 1e-4) -> float:
    """The condition number up to which two Zolotarev iterations of ``order`` bring 1 - l below 1e-15."""
    logs = [float(mpmath.log10(end)) for end in bracket]

    def excess(logarithm: float) -> float:
        return float(mpmath.log10(after_two(10.0**logarithm, order) / CONVERGED))

    return 10.0 ** brentq(excess, *logs, xtol=relative)
