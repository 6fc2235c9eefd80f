"""The isotropic curvature model with H(r) = c r^p, p > 1: solved for any number of singular values.

Stationarity reads sigma_i = c p s_i g_i(s) with g_i = E[r^(p-2) u_i^2]. In y = log s the Jacobian of log g is (p-2) P,
where P_ij = s_j^2 E[r^(p-4) u_i^2 u_j^2] / g_i has rows that add to one and is similar to a positive semidefinite
matrix, so that its eigenvalues lie in [0, 1]. Hence the damped step y <- y + w (log(sigma / (c p g)) - y), w = 2 / p,
contracts by |p-2| / p whatever the spectrum.
"""

from typing import NamedTuple

import numpy as np

from theorylab.studies.isotropic_curvature import sphere


class PowerMinimum(NamedTuple):
    """Minimiser `s` (p,), its residual max_i |c p s_i g_i / sigma_i - 1|, and the number of iterations."""

    s: np.ndarray
    residual: float
    iterations: int


def solve(sigma, power, dimension=None, factor=1.0, tolerance=1e-13, max_iterations=5000, start=None):
    """Minimiser of the model with H = factor * r^power for positive singular values sigma (p,).

    Raises ValueError for power <= 1 (no minimiser in general) and RuntimeError if the tolerance is not met.
    """
    sigma = np.asarray(sigma, dtype=float)
    if power <= 1:
        raise ValueError(f"power must exceed 1 for a minimiser to exist, got {power}")
    target = np.log(sigma) - np.log(factor * power)
    y = np.log(sigma if start is None else np.asarray(start, dtype=float))
    for iteration in range(1, max_iterations + 1):
        gap = target - np.log(sphere.power_weights(np.exp(y), power, dimension)) - y
        residual = float(np.max(np.abs(gap)))
        if residual <= tolerance:
            return PowerMinimum(np.exp(y), residual, iteration)
        y = y + 2 / power * gap
    raise RuntimeError(f"no convergence in {max_iterations} steps (residual {residual:.1e}); loosen the tolerance")


def efficiency(direction, sigma, power, best, dimension=None):
    """Phi(best multiple of `direction`) / Phi(best): 1 for the optimum, below 1 otherwise.

    The best multiple of d decreases the loss by a constant times <sigma, d>^(p/(p-1)) (E ||d u||^p)^(-1/(p-1)).
    """

    def log_decrease(d):
        return (power * np.log(sigma @ d) - np.log(sphere.power_moment(d, power, dimension))) / (power - 1)

    direction, best = np.asarray(direction, dtype=float), np.asarray(best, dtype=float)
    return float(np.exp(log_decrease(direction) - log_decrease(best)))
