"""Exact finite-k covariance of averaged linear recursions, and what it says in the limit.

Linearised along the tangent space, projected SGD is d_k = (I - eta_k A) d_{k-1} + eta_k w_k with unit noise and
d_0 = 0. The noise w_j enters the average (d_1 + ... + d_k) / k with the weight eta_j B_j / k, where

    B_k = I,    B_j = I + B_{j+1} (I - eta_{j+1} A),

so that k Cov(average) = (1/k) sum_j eta_j^2 B_j B_j'. In an eigenbasis of A the sum is one of scalars: O(k) backwards.
Dual averaging over a ball is linear in the noise too, with other weights.
"""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def _pair_sum(first, second, exponent, scale, steps):
    """(1/k) sum_j eta_j^2 B_j(first) conj(B_j(second)), evaluated backwards."""
    p, q, total = 1.0 + 0.0j, 1.0 + 0.0j, 0.0 + 0.0j
    following = 0.0
    for j in range(steps, 0, -1):
        if j < steps:
            p = 1.0 + p * (1.0 - following * first)
            q = 1.0 + q * (1.0 - following * second)
        following = scale * j**-exponent
        total += following * following * p * q.conjugate()
    return total / steps


def averaged_covariance(matrix, exponent: float, steps: int, scale: float = 1.0) -> np.ndarray:
    """k Cov of the averaged recursion with drift ``matrix`` (d, d), steps scale * j^-exponent and unit noise.

    Raises ValueError when the matrix has no basis of eigenvectors or ``steps`` is below 1.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    A = np.atleast_2d(np.asarray(matrix, dtype=float))
    values, P = np.linalg.eig(A)
    if np.linalg.cond(P) > 1e8:
        raise ValueError("the drift matrix has no well-conditioned basis of eigenvectors; perturb it slightly")
    inverse = np.linalg.inv(P)
    middle = inverse @ inverse.conj().T
    sums = np.array(
        [[_pair_sum(complex(a), complex(b), float(exponent), float(scale), int(steps)) for b in values] for a in values]
    )
    return np.real(P @ (middle * sums) @ P.conj().T)


def averaged_variance(curvature: float, exponent: float, steps: int, scale: float = 1.0) -> float:
    """k Var of the averaged scalar recursion; tends to 1 / curvature^2 for exponents in (1/2, 1)."""
    return float(averaged_covariance([[curvature]], exponent, steps, scale)[0, 0])


@njit(nogil=True, cache=True)
def _last_variance(curvature, exponent, steps):
    variance = 0.0
    for j in range(1, steps + 1):
        eta = j**-exponent
        variance = (1.0 - eta * curvature) ** 2 * variance + eta * eta
    return variance


def last_variance(curvature: float, exponent: float, steps: int) -> float:
    """Var of the last iterate of the scalar recursion; close to eta_k / (2 curvature) for large k."""
    return float(_last_variance(float(curvature), float(exponent), int(steps)))


@njit(nogil=True, cache=True)
def _dual_sum(exponent, steps):
    size = 0.0
    for j in range(1, steps + 1):
        size += j**-exponent
    tail, total = 0.0, 0.0
    for j in range(steps, 0, -1):
        alpha = j**-exponent
        tail += 1.0 / size
        total += (alpha * tail) ** 2
        size -= alpha
    return total / steps


def dual_averaging_variance(exponent: float, steps: int) -> float:
    """k Var per tangent direction of averaged dual averaging over the unit ball (CL-15), in the linearised model.

    z_i = -S_i e_d + sum_{j<=i} alpha_j g_j with S_i = alpha_1 + ... + alpha_i, so that the tangent part of x_i is
    -(1/S_i) sum_{j<=i} alpha_j g_j, and g_j enters k times the average with alpha_j W_j, W_j = 1/S_j + ... + 1/S_k.
    """
    return float(_dual_sum(float(exponent), int(steps)))


def dual_averaging_limit(exponent: float) -> float:
    """Limit 2 (1 - b) / (1 - 2 b) of :func:`dual_averaging_variance` for b in [0, 1/2), infinite from 1/2 on.

    S_i ~ i^(1-b) / (1-b), hence W_j ~ (1-b)/b (k^b - j^b); the sum is a Riemann sum of
    ((1-b)/b)^2 u^(-2b) (1 - u^b)^2 over (0, 1). For b > 1/2 the first terms dominate and it grows like k^(2b-1).
    """
    if not 0 <= exponent < 1:
        raise ValueError(f"dual-averaging exponents must lie in [0, 1), got {exponent}")
    return 2 * (1 - exponent) / (1 - 2 * exponent) if exponent < 0.5 else float("inf")
