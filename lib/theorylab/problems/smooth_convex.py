"""Smooth convex functions whose broximal operator needs Newton's method: logistic, quartic, pseudo-Huber."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theorylab.extras import need
from theorylab.problems.broximal import BallProblem, BallStep, brox_by_newton, newton_prox


class NewtonProblem(BallProblem):
    """Adds the operators that follow from ``gradient`` and ``hessian``."""

    smooth: bool = True

    def brox(self, x, radius: float) -> BallStep:
        return brox_by_newton(self.gradient, self.hessian, self.solution, x, radius)

    def prox(self, x, gamma):
        return newton_prox(self.gradient, self.hessian, x, 1.0 / gamma, x)


@dataclass(frozen=True)
class Logistic(NewtonProblem):
    """f(x) = (1/m) sum_j log(1 + exp(-b_j <a_j, x>)), labels b_j = +-1; ``random`` data are not separable."""

    A: np.ndarray
    b: np.ndarray

    @classmethod
    def random(cls, dimension: int, samples: int, generator) -> "Logistic":
        """Gaussian rows, labels from the logistic model, and ``dimension`` rows repeated with the label flipped."""
        A = generator.standard_normal((samples, dimension))
        truth = generator.standard_normal(dimension)
        b = np.where(generator.random(samples) < 1.0 / (1.0 + np.exp(-A @ truth)), 1.0, -1.0)
        # Rows that span the space and occur with both labels make f coercive whatever the draw.
        return cls(np.vstack([A, A[:dimension]]), np.concatenate([b, -b[:dimension]]))

    def loss(self, x):
        return float(np.mean(np.logaddexp(0.0, -self.b * (self.A @ x))))

    def _wrong(self, x):
        margin = self.b * (self.A @ x)
        return 0.5 * (1.0 - np.tanh(0.5 * margin))

    def gradient(self, x):
        return -self.A.T @ (self.b * self._wrong(x)) / self.b.size

    def hessian(self, x):
        p = self._wrong(x)
        return self.A.T @ ((p * (1.0 - p))[:, None] * self.A) / self.b.size

    @cached_property
    def lipschitz(self) -> float:
        """|A|^2 / (4 m)."""
        return float(np.linalg.norm(self.A, 2) ** 2 / (4.0 * self.b.size))

    @cached_property
    def solution(self):
        """The minimiser, by Newton from 0 to rounding level."""
        x = np.zeros(self.A.shape[1])
        for _ in range(100):
            step = np.linalg.solve(self.hessian(x), self.gradient(x))
            damping = 1.0
            while self.loss(x - damping * step) > self.loss(x) and damping > 1e-8:
                damping *= 0.5
            x = x - (damping if np.linalg.norm(step) > 1e-6 else 1.0) * step
            if np.linalg.norm(step) <= 1e-15 * (1.0 + np.linalg.norm(x)):
                break
        return x

    @cached_property
    def min_loss(self) -> float:
        return self.loss(self.solution)

    def expression(self, z):
        """f as a cvxpy expression of the variable z."""
        cp = need("cvxpy", "this conic program")

        return cp.sum(cp.logistic(-cp.multiply(self.b, self.A @ z))) / self.b.size


@dataclass(frozen=True)
class Quartic(NewtonProblem):
    """f(x) = sum_i a_i x_i^4 / 4, a_i > 0: flat at its minimiser 0, so gradients near it are tiny."""

    a: np.ndarray

    @property
    def solution(self):
        return np.zeros(self.a.size)

    def loss(self, x):
        return float(np.sum(self.a * x**4) / 4.0)

    def gradient(self, x):
        return self.a * x**3

    def hessian(self, x):
        return np.diag(3.0 * self.a * x**2)

    def expression(self, z):
        """f as a cvxpy expression of the variable z."""
        cp = need("cvxpy", "this conic program")

        return cp.sum(cp.multiply(self.a, cp.power(z, 4))) / 4.0


@dataclass(frozen=True)
class PseudoHuber(NewtonProblem):
    """f(x) = sum_j (sqrt(1 + r_j^2) - 1), r = A (x - s): quadratic near s, linear far away; min f = 0."""

    A: np.ndarray
    solution: np.ndarray

    @classmethod
    def random(cls, dimension: int, samples: int, generator) -> "PseudoHuber":
        """Gaussian rows scaled by 1/sqrt(samples), standard normal centre."""
        A = generator.standard_normal((samples, dimension)) / np.sqrt(samples)
        return cls(A, generator.standard_normal(dimension))

    def loss(self, x):
        r = self.A @ (x - self.solution)
        # r^2 / (sqrt(1 + r^2) + 1) is the same number without cancellation near s.
        return float(np.sum(r * r / (np.sqrt(1.0 + r * r) + 1.0)))

    def gradient(self, x):
        r = self.A @ (x - self.solution)
        return self.A.T @ (r / np.sqrt(1.0 + r * r))

    def hessian(self, x):
        r = self.A @ (x - self.solution)
        return self.A.T @ ((1.0 + r * r)[:, None] ** -1.5 * self.A)

    @cached_property
    def lipschitz(self) -> float:
        """|A|^2, reached at s."""
        return float(np.linalg.norm(self.A, 2) ** 2)

    def expression(self, z):
        """f as a cvxpy expression of the variable z."""
        cp = need("cvxpy", "this conic program")

        r = self.A @ z - self.A @ self.solution
        return cp.sum(cp.norm(cp.vstack([np.ones(self.A.shape[0]), r]), axis=0)) - self.A.shape[0]
