"""Sharp functions with broximal operators in closed form: weighted l1 and the Euclidean norm."""

from dataclasses import dataclass

import numpy as np

from theorylab.extras import need
from theorylab.problems.broximal import BallProblem, BallStep, check_ball


@dataclass(frozen=True)
class WeightedL1(BallProblem):
    """f(x) = sum_i w_i |x_i|, w_i > 0; the only minimiser is 0."""

    w: np.ndarray

    def __post_init__(self):
        if np.any(np.asarray(self.w) <= 0):
            raise ValueError("weights w must be positive, so that 0 is the only minimiser")

    @property
    def solution(self):
        return np.zeros(self.w.size)

    def loss(self, x):
        return float(np.sum(self.w * np.abs(x)))

    def gradient(self, x):
        """The subgradient of least norm: 0 on coordinates that are 0."""
        return self.w * np.sign(x)

    def prox(self, x, gamma):
        return np.sign(x) * np.maximum(np.abs(x) - gamma * self.w, 0.0)

    def brox(self, x, radius: float) -> BallStep:
        """Soft thresholding at tau w, tau = 1/c, with |min(|x|, tau w)| = t.

        Sort the ratios |x_i|/w_i; with k coordinates set to zero tau^2 = (t^2 - sum_zeroed x_i^2) / sum_rest w_i^2, and
        the right k is the first for which tau does not pass the next ratio. Exact, O(d log d).
        """
        x = check_ball(x, radius)
        if np.linalg.norm(x) <= radius:
            return BallStep(np.zeros_like(x), 0.0)
        order = np.argsort(np.abs(x) / self.w, kind="stable")
        magnitude, weight = np.abs(x)[order], self.w[order]
        zeroed = np.concatenate([[0.0], np.cumsum(magnitude[:-1] ** 2)])
        rest = np.cumsum(weight[::-1] ** 2)[::-1]
        tau = np.sqrt(np.maximum(radius**2 - zeroed, 0.0) / rest)
        k = int(np.argmax(tau <= magnitude / weight))
        return BallStep(self.prox(x, tau[k]), float(1.0 / tau[k]))

    def expression(self, z):
        """f as a cvxpy expression of the variable z."""
        cp = need("cvxpy", "this conic program")

        return self.w @ cp.abs(z)


@dataclass(frozen=True)
class EuclideanNorm(BallProblem):
    """f(x) = |x|_2 in dimension d: every broximal step is t long and points at 0."""

    dimension: int
    smooth: bool = True

    @property
    def solution(self):
        return np.zeros(self.dimension)

    def loss(self, x):
        return float(np.linalg.norm(x))

    def gradient(self, x):
        """x / |x|, and 0 at the minimiser."""
        size = np.linalg.norm(x)
        return x / size if size > 0 else np.zeros_like(x)

    def prox(self, x, gamma):
        size = np.linalg.norm(x)
        return x * (1.0 - gamma / size) if size > gamma else np.zeros_like(x)

    def brox(self, x, radius: float) -> BallStep:
        x = check_ball(x, radius)
        size = np.linalg.norm(x)
        if size <= radius:
            return BallStep(np.zeros_like(x), 0.0)
        return BallStep(x * (1.0 - radius / size), 1.0 / radius)

    def expression(self, z):
        """f as a cvxpy expression of the variable z."""
        cp = need("cvxpy", "this conic program")

        return cp.norm(z)


def tight_weights(M: float, dimension: int) -> WeightedL1:
    """Weights M^{-i}, i = 0, 1, ...: from x_0 = t (1, ..., 1) the contraction of Result 3 is tight as M grows."""
    return WeightedL1(float(M) ** -np.arange(dimension))
