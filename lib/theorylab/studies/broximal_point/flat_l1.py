"""An l1 regression with fewer rows than unknowns: its minimisers form an affine subspace, and brox is a whole set."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from theorylab.problems.polyhedral import PolyhedralProblem


@dataclass(frozen=True)
class FlatL1(PolyhedralProblem):
    """f(x) = (1/m) |A x - b|_1 with m < d rows of full rank; Argmin f = {A x = b}, min f = 0."""

    A: np.ndarray
    b: np.ndarray

    def __post_init__(self):
        m, d = self.A.shape
        if not m < d:
            raise ValueError(f"A must have fewer rows than columns, got {m} x {d}: else Argmin f is no subspace")

    @classmethod
    def random(cls, dimension: int, samples: int, generator) -> "FlatL1":
        """Gaussian rows and right-hand side."""
        return cls(generator.standard_normal((samples, dimension)), generator.standard_normal(samples))

    @cached_property
    def inverse(self) -> np.ndarray:
        """Pseudoinverse of A, shape (d, m)."""
        return np.linalg.pinv(self.A)

    @property
    def solution(self):
        return self.inverse @ self.b

    def nearest_minimiser(self, x):
        return x - self.inverse @ (self.A @ x - self.b)

    def outward(self, direction):
        return self.inverse @ (self.A @ direction)

    def loss(self, x):
        return float(np.mean(np.abs(self.A @ x - self.b)))

    def gradient(self, x):
        return self.A.T @ np.sign(self.A @ x - self.b) / self.b.size

    def expression(self, z):
        """f as a cvxpy expression of the variable z."""
        import cvxpy as cp

        return cp.norm1(self.A @ z - self.b) / self.b.size

    def width_within(self, x, radius: float, directions) -> float:
        """Extent of Argmin f in B(x, t) along the unit rows of ``directions``, over t, in closed form.

        The set is a ball of radius sqrt(t^2 - dist^2) in the kernel of A. Raises ValueError if it is empty.
        """
        rest = 1.0 - (self.distance(x) / radius) ** 2
        if rest < 0:
            raise ValueError("the ball holds no minimiser")
        along = directions - (self.inverse @ (self.A @ directions.T)).T
        return float(2.0 * np.sqrt(rest) * np.linalg.norm(along, axis=1).max())
