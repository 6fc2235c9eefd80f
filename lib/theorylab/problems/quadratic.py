"""Quadratics 1/2 (x - s)^T A (x - s) with a prescribed spectrum, singular ones included."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from theorylab.extras import need
from theorylab.problems.broximal import BallProblem, BallStep, check_ball


@dataclass(frozen=True)
class Quadratic(BallProblem):
    """f(x) = 1/2 (x - s)^T Q diag(w) Q^T (x - s), eigenvalues w >= 0, orthogonal Q; Argmin f = s + ker A, min f = 0."""

    Q: np.ndarray
    w: np.ndarray
    solution: np.ndarray
    smooth: bool = True

    @classmethod
    def random(cls, eigenvalues, generator) -> "Quadratic":
        """Random orthogonal basis (Haar up to signs) and a standard normal centre, for the given eigenvalues."""
        w = np.asarray(eigenvalues, dtype=float)
        if w.ndim != 1 or w.size == 0 or np.any(w < 0) or not np.any(w > 0):
            raise ValueError("eigenvalues must be a nonempty vector of nonnegative numbers, not all zero")
        Q, _ = np.linalg.qr(generator.standard_normal((w.size, w.size)))
        return cls(Q, w, generator.standard_normal(w.size))

    @property
    def lipschitz(self) -> float:
        """Largest eigenvalue, the Lipschitz constant of the gradient."""
        return float(self.w.max())

    def loss(self, x):
        y = self.Q.T @ (x - self.solution)
        return 0.5 * float(np.sum(self.w * y * y))

    def gradient(self, x):
        return self.Q @ (self.w * (self.Q.T @ (x - self.solution)))

    def prox(self, x, gamma):
        """(I + gamma A)^{-1} applied around the centre."""
        return self.solution + self.Q @ ((self.Q.T @ (x - self.solution)) / (1.0 + gamma * self.w))

    def nearest_minimiser(self, x):
        y = self.Q.T @ (x - self.solution)
        return x - self.Q @ np.where(self.w > 0, y, 0.0)

    def outward(self, direction):
        return self.Q @ np.where(self.w > 0, self.Q.T @ direction, 0.0)

    def brox(self, x, radius: float) -> BallStep:
        """Secular equation |w y / (w + c)| = t, y = Q^T (x - s), solved in its nearly linear form 1/|.| = 1/t."""
        x = check_ball(x, radius)
        y = self.Q.T @ (x - self.solution)
        active = self.w > 0
        if np.linalg.norm(y[active]) <= radius:
            return BallStep(self.nearest_minimiser(x), 0.0)
        w, wy = self.w[active], self.w[active] * y[active]

        def secular(c):
            return radius / np.linalg.norm(wy / (w + c)) - 1.0

        c = brentq(secular, 1e-300, np.linalg.norm(wy) / radius, xtol=1e-300, rtol=1e-15)
        return BallStep(x - self.Q[:, active] @ (wy / (w + c)), float(c))

    def expression(self, z):
        """f as a cvxpy expression of the variable z."""
        cp = need("cvxpy", "this conic program")

        return 0.5 * cp.sum_squares(cp.multiply(np.sqrt(self.w), self.Q.T @ z - self.Q.T @ self.solution))


def spectrum(condition: float, dimension: int) -> np.ndarray:
    """Eigenvalues spaced geometrically from 1 down to 1/condition."""
    return np.geomspace(1.0, 1.0 / condition, dimension)
