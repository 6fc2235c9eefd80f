"""The isotropic curvature model: min over Q of -tr(Q G^T) + E_u H(||Qu||), u uniform on the unit sphere of R^n.

Source: W. Su, arXiv 2511.00674. G = U diag(sigma) V^T is the gradient and Q = -(change of W) the update. The
expectation does not change under Q -> PQR with orthogonal P and R, so that a minimiser is U diag(s) V^T and s solves
the *reduced* problem  phi(s) = -sum_i sigma_i s_i + E H(sqrt(sum_i s_i^2 u_i^2))  over s >= 0.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize as scipy_minimize

from theorylab.studies.isotropic_curvature import sphere
from theorylab.studies.isotropic_curvature.curvature import Curvature


@dataclass(frozen=True)
class MatrixModel:
    """The model over whole matrices, with a rule on the sphere that knows nothing of singular vectors.

    `G` (m, n); `u` (K, n) unit vectors with `weights` (K,). Weights that depend on u break the isotropy on purpose.
    """

    G: np.ndarray
    curvature: Curvature
    u: np.ndarray
    weights: np.ndarray

    def loss(self, Q):
        """Phi(Q) = -tr(Q G^T) + E H(||Qu||) for Q (..., m, n)."""
        r = np.linalg.norm(self.u @ np.swapaxes(Q, -1, -2), axis=-1)
        return -np.sum(Q * self.G, axis=(-2, -1)) + self.curvature.value(r) @ self.weights

    def grad(self, Q):
        """-G + E[(H'(r)/r) Q u u^T] for Q (m, n)."""
        v = self.u @ Q.T
        r = np.linalg.norm(v, axis=-1)
        return -self.G + (v * (self.weights * self.curvature.slope(r) / r)[:, None]).T @ self.u


@dataclass(frozen=True)
class ReducedProblem:
    """phi over the singular values: `sigma` (p,), nodes `x` = u^2 (K, p) and weights (K,) of a rule on the sphere.

    A wide gradient (m < n) uses the last m columns of the rule for R^n, which the rule treats most alike.
    """

    sigma: np.ndarray
    curvature: Curvature
    x: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, sigma, curvature, order=24, dimension=None):
        """The reduced problem of the spectrum sigma (p,) on the sphere of R^dimension (default p)."""
        sigma = np.asarray(sigma, dtype=float)
        x, weights = sphere.octant(dimension or len(sigma), order)
        return cls(sigma, curvature, x[:, -len(sigma) :], weights)

    def radius(self, s):
        """||Qu|| at the nodes, shape (K,)."""
        return np.sqrt(self.x @ np.square(s))

    def loss(self, s):
        return -self.sigma @ s + self.weights @ self.curvature.value(self.radius(s))

    def stiffness(self, s):
        """E[(H'(r)/r) u_i^2]: at a stationary point s_i = sigma_i / stiffness_i."""
        r = self.radius(s)
        return (self.weights * self.curvature.slope(r) / r) @ self.x

    def grad(self, s):
        return -self.sigma + s * self.stiffness(s)

    def hessian(self, s):
        r = self.radius(s)
        ratio = self.curvature.slope(r) / r
        rows = s * self.x
        return (
            np.diag((self.weights * ratio) @ self.x)
            + (rows.T * (self.weights * (self.curvature.bend(r) - ratio) / r**2)) @ rows
        )


class Minimum(NamedTuple):
    """A candidate minimiser `s`, its stationarity residual max_i |grad_i| / sigma_i, and whether it was attained."""

    s: np.ndarray
    residual: float
    attained: bool


def along(problem, direction, largest=1e7):
    """The multiple t > 0 of `direction` with the smallest loss; `largest` if the loss still decreases there."""
    v = np.asarray(direction, dtype=float)
    r = problem.radius(v)
    pull = problem.sigma @ v

    def slope(t):
        return problem.weights @ (problem.curvature.slope(t * r) * r) - pull

    high = 1.0
    while slope(high) < 0:
        high *= 2
        if high > largest:
            return largest
    low = high / 2
    while slope(low) > 0:
        low /= 2
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return 0.5 * (low + high)


def minimise(problem, start=None, tolerance=1e-14, largest=1e6, max_steps=300):
    """Minimum of the reduced problem by Newton's method kept inside s > 0.

    Starts at the best multiple of sigma. Where the Hessian is not positive definite the step is s -> sigma / stiffness.
    A norm above `largest` with decreasing loss is reported as not attained.
    """
    sigma = problem.sigma
    s = along(problem, sigma) * sigma if start is None else np.array(start, dtype=float)
    loss = problem.loss(s)
    best = (np.inf, s)
    for _ in range(max_steps):
        if np.linalg.norm(s) > largest:
            return Minimum(s, float(np.max(np.abs(problem.grad(s)) / sigma)), False)
        gradient = problem.grad(s)
        residual = float(np.max(np.abs(gradient) / sigma))
        if residual < best[0]:
            best = (residual, s)
        if residual <= tolerance:
            break
        hessian = problem.hessian(s)
        eigenvalues = np.linalg.eigvalsh(hessian)
        if eigenvalues[0] > 1e-14 * eigenvalues[-1]:
            step = -np.linalg.solve(hessian, gradient)
        else:
            step = sigma / problem.stiffness(s) - s
        shrink = np.min(np.where(step < 0, -0.9 * s / np.minimum(step, -1e-300), np.inf))
        length = min(1.0, shrink)
        # Below this residual the loss is flat to rounding and only the gradient can tell progress.
        if residual > 1e-6:
            while problem.loss(s + length * step) > loss + 1e-4 * length * (gradient @ step) and length > 1e-12:
                length /= 2
        elif residual > best[0]:
            break
        s = s + length * step
        loss = problem.loss(s)
    residual, s = best
    return Minimum(s, residual, residual < 1e-8)


def descend(model, start):
    """Minimiser of a MatrixModel over whole matrices, by L-BFGS from `start` (m, n), to rounding of the loss.

    It knows nothing of singular values and is the oracle for the reduction.
    """
    shape = start.shape

    def objective(q):
        Q = q.reshape(shape)
        return float(model.loss(Q)), model.grad(Q).ravel()

    options = {"ftol": 1e-16, "gtol": 1e-11, "maxiter": 2000, "maxcor": 30}
    return scipy_minimize(objective, start.ravel(), jac=True, method="L-BFGS-B", options=options).x.reshape(shape)
