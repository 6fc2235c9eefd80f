"""Where the isotropic curvature model comes from: Taylor's formula for f(W) = (1/N) sum_i L(W u_i).

f(W + D) = f(W) + <D, grad f(W)> + (1/N) sum_i (D u_i)^T [ int_0^1 (1 - t) Hess L(W u_i + t D u_i) dt ] D u_i.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logsumexp, softmax


@dataclass(frozen=True)
class Loss:
    """A loss L on R^m: `value`, `grad` and `hess` act on rows z (..., m); `hess` returns (..., m, m)."""

    name: str
    value: Callable
    grad: Callable
    hess: Callable


def logistic():
    """L(z) = sum_j log(1 + exp(z_j))."""

    def hess(z):
        y = expit(z)
        return (y * (1 - y))[..., None] * np.eye(z.shape[-1])

    return Loss("logistic", lambda z: np.sum(np.logaddexp(0, z), axis=-1), expit, hess)


def cross_entropy():
    """L(z) = log sum_j exp(z_j) - z_1: softmax cross-entropy for the first class."""

    def grad(z):
        return softmax(z, axis=-1) - np.eye(z.shape[-1])[0]

    def hess(z):
        y = softmax(z, axis=-1)
        return y[..., None] * np.eye(z.shape[-1]) - y[..., :, None] * y[..., None, :]

    return Loss("softmax", lambda z: logsumexp(z, axis=-1) - z[..., 0], grad, hess)


def quadratic(factor):
    """L(z) = (factor/2) ||z||^2."""
    return Loss(
        "quadratic",
        lambda z: 0.5 * factor * np.sum(z**2, axis=-1),
        lambda z: factor * z,
        lambda z: np.broadcast_to(factor * np.eye(z.shape[-1]), (*z.shape, z.shape[-1])),
    )


def fourth_power():
    """L(z) = ||z||^4: rotationally invariant, yet isotropic in the sense of the model only around z = 0."""

    def hess(z):
        square = np.sum(z**2, axis=-1)[..., None, None]
        return 4 * square * np.eye(z.shape[-1]) + 8 * z[..., :, None] * z[..., None, :]

    return Loss(
        "fourth power",
        lambda z: np.sum(z**2, axis=-1) ** 2,
        lambda z: 4 * np.sum(z**2, axis=-1, keepdims=True) * z,
        hess,
    )


def value(loss, W, u):
    """f(W) for rows u (N, n)."""
    return float(np.mean(loss.value(u @ W.T)))


def grad(loss, W, u):
    """Gradient of f at W, shape of W."""
    return loss.grad(u @ W.T).T @ u / len(u)


def remainder(loss, W, D, u, order=40, weight=lambda t: 1 - t):
    """(1/N) sum_i (D u_i)^T [int_0^1 weight(t) Hess L(W u_i + t D u_i) dt] D u_i, by `order` Gauss-Legendre nodes."""
    nodes, weights = np.polynomial.legendre.leggauss(order)
    nodes, weights = (nodes + 1) / 2, weights / 2
    z, v = u @ W.T, u @ D.T
    total = 0.0
    for t, w in zip(nodes, weights, strict=True):
        total += w * weight(t) * np.mean(np.einsum("ni,nij,nj->n", v, loss.hess(z + t * v), v))
    return float(total)


def relative_residual(loss, W, D, u, weight=lambda t: 1 - t):
    """|f(W + D) - f(W) - <D, grad f(W)> - remainder| / |remainder|: zero for the weight 1 - t."""
    second = remainder(loss, W, D, u, weight=weight)
    change = value(loss, W + D, u) - value(loss, W, u) - np.sum(D * grad(loss, W, u))
    return abs(change - second) / abs(second)
