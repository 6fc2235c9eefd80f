"""What projected SGD does *across* the circle of the lens, in units of its step.

**Corner walk.** Close to the solution the lens is its tangent cone. In the plane of (x1, x3), divided by the step size,
projected SGD with slowly changing steps is the walk

    y <- P_K(y - (c + g)),      K = {y : |y1| + sqrt(3) y3 <= 0},   c = (0, -1),

whose stationary law says how far inside the corner an iterate sits (mean of -y3), how often it sits in the corner
exactly, and how far from the circle it is.

**Two sources of the normal mean.** An iterate at tangent coordinate d on the circle lies d^2 / (2 sqrt(3)) below the
solution, so that to first order in the step

    sqrt(3) - E x_i3 = kappa eta_i + v_i / (2 sqrt(3)),    kappa = -E y3,    v_i = Var(d_i).

**Reflected walk.** Where one multiplier is zero nothing pushes the iterate back to the corner to first order: the
half-active coordinate is a mean-reverting walk reflected at zero. In continuous time its law is that of |d|.
"""

import numpy as np
from numba import njit

from theorylab.studies.projected_sgd_clt.kernels import ROOT3

OVERSHOOT = 0.5825971579390107
"""-zeta(1/2) / sqrt(2 pi): a reflected walk with normal steps stays below reflected Brownian motion by this share of
the standard deviation of a step (D. Siegmund, Advances in Applied Probability 11 (1979))."""


@njit(nogil=True, cache=True)
def corner_walk(noise):
    """Positions (n, 2) of the corner walk after each step, started in the corner, for standard normals ``noise``
    (n, 2)."""
    y1, y3 = 0.0, 0.0
    path = np.empty((noise.shape[0], 2))
    for i in range(noise.shape[0]):
        y1 -= noise[i, 0]
        y3 += 1.0 - noise[i, 1]
        beyond = (abs(y1) + ROOT3 * y3) / 2.0
        if beyond > 0.0:
            first = abs(y1) - beyond / 2.0
            if first >= 0.0:
                y1 = -first if y1 < 0.0 else first
                y3 -= beyond * ROOT3 / 2.0
            else:
                y1, y3 = 0.0, 0.0
        path[i, 0], path[i, 1] = y1, y3
    return path


@njit(nogil=True, cache=True)
def _normal_sums(offset, curvature, exponent, checkpoints):
    found = np.empty(checkpoints.size)
    variance, total, i = 0.0, 0.0, 0
    for place in range(checkpoints.size):
        while i < checkpoints[place]:
            i += 1
            eta = i**-exponent
            variance = (1.0 - eta * curvature) ** 2 * variance + eta * eta
            total += offset * eta + variance / (2.0 * ROOT3)
        found[place] = total
    return found


def normal_sums(offset: float, curvature: float, exponent: float, checkpoints) -> np.ndarray:
    """Sum over i <= k of sqrt(3) - E x_i3 to first order in the steps i^-exponent, for every k of ``checkpoints``
    (increasing): ``offset`` is kappa, ``curvature`` that of the tangent recursion. Raises ValueError otherwise."""
    checkpoints = np.asarray(checkpoints, dtype=np.int64)
    if checkpoints.size == 0 or checkpoints[0] < 1 or (np.diff(checkpoints) <= 0).any():
        raise ValueError(f"checkpoints must be increasing step counts from 1 on, got {checkpoints.tolist()}")
    return _normal_sums(float(offset), float(curvature), float(exponent), checkpoints)


def normal_mean(offset: float, curvature: float, exponent: float, checkpoints) -> np.ndarray:
    """E e3' S_k that :func:`normal_sums` predicts: minus the sums over sqrt(k)."""
    return -normal_sums(offset, curvature, exponent, checkpoints) / np.sqrt(checkpoints)


@njit(nogil=True, cache=True)
def _reflected_mean(curvature, exponent, steps):
    variance, total = 0.0, 0.0
    for i in range(1, steps + 1):
        eta = i**-exponent
        variance = (1.0 - eta * curvature) ** 2 * variance + eta * eta
        total += np.sqrt(2.0 * variance / np.pi)
    return total / np.sqrt(steps)


def reflected_mean(curvature: float, exponent: float, steps: int) -> float:
    """E of sqrt(k) times the average of |d_1|, ..., |d_k|, where d is the linear recursion with this curvature: the
    half-active mean in continuous time. Tends to :func:`reflected_mean_limit`, with a relative excess of
    (1 - a/2) k^(a-1) / (2 curvature)."""
    return float(_reflected_mean(float(curvature), float(exponent), int(steps)))


def reflected_mean_limit(curvature: float, exponent: float, steps: int) -> float:
    """sqrt(1 / (pi curvature)) k^(1/2 - a/2) / (1 - a/2): leading term of :func:`reflected_mean`, from the stationary
    variance eta / (2 curvature)."""
    return float(steps ** (0.5 - exponent / 2) / (1 - exponent / 2) / np.sqrt(np.pi * curvature))


def reflected_spread(curvature: float) -> float:
    """Limit of the standard deviation of sqrt(k) times the average of |d|.

    Two values of d with correlation r have Cov(|d|, |d'|) = (2/pi) v (sqrt(1 - r^2) + r arcsin r - 1); with r = exp(-t)
    at lag t / (curvature eta) and v = eta / (2 curvature) the lags add up to 2 (ln 2 + pi/2 - 2) / (pi curvature^2).
    """
    return float(np.sqrt(2 * (np.log(2) + np.pi / 2 - 2) / np.pi) / curvature)
