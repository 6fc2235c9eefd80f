"""The isotropic curvature model with quartic curvature H(r) = c r^4, solved in closed form up to one scalar.

With S = sum_j s_j^2 the reduced loss is -sum_i sigma_i s_i + c (S^2 + 2 sum_i s_i^4) / (n (n+2)), and it is stationary
exactly where  s_i^3 + (S/2) s_i = n (n+2) sigma_i / (8 c)  for all i. Given S each cubic has one real root; the root is
decreasing in S, so that sum_i s_i(S)^2 = S has one solution. (The slides of arXiv 2511.00674 print S for S/2.)
"""

from typing import NamedTuple

import numpy as np


class QuarticMinimum(NamedTuple):
    """Minimiser `s` (..., p) and the number of Newton iterations on S."""

    s: np.ndarray
    iterations: int


def loss(s, sigma, dimension, factor=1.0):
    """phi(s) = -sum sigma_i s_i + c (S^2 + 2 S_4) / (n(n+2)) over the last axis."""
    s, sigma = np.asarray(s, dtype=float), np.asarray(sigma, dtype=float)
    S, S4 = np.sum(s**2, axis=-1), np.sum(s**4, axis=-1)
    return -np.sum(sigma * s, axis=-1) + factor * (S**2 + 2 * S4) / (dimension * (dimension + 2))


def cubic_root(p, q):
    """The real root of s^3 + p s = q for p > 0 and q >= 0: s = 2 sqrt(p/3) sinh(asinh((3q/2p) sqrt(3/p)) / 3)."""
    return 2 * np.sqrt(p / 3) * np.sinh(np.arcsinh(1.5 * q / p * np.sqrt(3 / p)) / 3)


def solve(sigma, dimension=None, factor=1.0, coupling=0.5, max_iterations=50):
    """Minimiser of the quartic model for singular values sigma (..., p) on the sphere of R^dimension (default p).

    Newton's method on S - sum_i s_i(S)^2, concave and increasing in S, from S_0 = (4 sum q_i^2)^(1/3), which is never
    below the root because s_i <= q_i / (S/2). `coupling` is the factor of S in the cubic: 1/2 solves the model; 1 gives
    the solution of the system as printed on the slides, kept for comparison.

    Raises ValueError for negative or all-zero sigma.
    """
    sigma = np.asarray(sigma, dtype=float)
    n = sigma.shape[-1] if dimension is None else dimension
    if np.any(sigma < 0) or not np.all(np.any(sigma > 0, axis=-1)):
        raise ValueError("sigma must be nonnegative and not all zero; pass singular values")
    q = n * (n + 2) / (8 * factor) * sigma
    S = np.cbrt(np.sum(q**2, axis=-1, keepdims=True) / coupling**2)
    for iteration in range(1, max_iterations + 1):
        p = coupling * S
        s = cubic_root(p, q)
        value = S - np.sum(s**2, axis=-1, keepdims=True)
        # ds/dS = -coupling s / (3 s^2 + p)
        slope = 1 + 2 * coupling * np.sum(s**2 / (3 * s**2 + p), axis=-1, keepdims=True)
        step = value / slope
        S = S - step
        if np.all(np.abs(step) <= 4e-16 * S) or (iteration > 1 and np.all(np.abs(step) <= 1e-9 * S)):
            # One more step from relative distance 1e-9 is below rounding (quadratic convergence).
            break
    return QuarticMinimum(cubic_root(coupling * S, q), iteration)


def stationarity(s, sigma, coupling=0.5):
    """(s_i^3 + coupling * S * s_i) / sigma_i, constant over i exactly when s is proportional to the solution."""
    s = np.asarray(s, dtype=float)
    S = np.sum(s**2, axis=-1, keepdims=True)
    return (s**3 + coupling * S * s) / sigma


def ratio_error(s, sigma, coupling=0.5):
    """Largest relative error over pairs of s_i/s_j = ((s_j^2 + coupling S)/(s_i^2 + coupling S)) sigma_i/sigma_j."""
    s, sigma = np.asarray(s, dtype=float), np.asarray(sigma, dtype=float)
    D = coupling * np.sum(s**2)
    left = s[:, None] / s[None, :]
    right = (s[None, :] ** 2 + D) / (s[:, None] ** 2 + D) * sigma[:, None] / sigma[None, :]
    return float(np.max(np.abs(right / left - 1)))


def relative_residual(s, sigma, dimension, factor=1.0):
    """max_i |s_i^3 + (S/2) s_i - q_i| / q_i with q_i = n(n+2) sigma_i / (8c); over the last axis."""
    target = dimension * (dimension + 2) / (8 * factor)
    return np.max(np.abs(stationarity(s, sigma) / target - 1), axis=-1)
