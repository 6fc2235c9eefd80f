"""Ball oracles in other norms: the max norm (box) and the spectral norm, with the exact planar counterexamples.

Result 3 and the count of Result 4 are Euclidean. The counterexamples are piecewise linear with rational data, so that
their broximal points are vertices of a line arrangement and everything is exact in Fractions.
"""

from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

import numpy as np
from scipy.optimize import lsq_linear

from theorylab.problems.broximal import BallProblem, check_ball
from theorylab.problems.polyhedral import solve_accurately


@dataclass(frozen=True)
class PlanarModuli:
    """f(z) = sum_i weight_i |p_i z_1 + q_i z_2| on the plane, rational data; ``lines`` holds (weight, p, q)."""

    lines: tuple

    def loss(self, z) -> Fraction:
        return sum(w * abs(p * z[0] + q * z[1]) for w, p, q in self.lines)

    def brox_max_norm(self, x, radius: Fraction) -> list[tuple[Fraction, Fraction]]:
        """All vertices that minimise f over the square |z - x|_inf <= t; one vertex means a unique broximal point.

        A piecewise linear f attains its minimum over the square at a vertex of the arrangement of its kinks and the
        square's edges, and the set of minimisers is the convex hull of such vertices.
        """
        borders = [(Fraction(p), Fraction(q), Fraction(0)) for _, p, q in self.lines]
        for axis in (0, 1):
            for side in (-1, 1):
                normal = (Fraction(axis == 0), Fraction(axis == 1))
                borders.append((*normal, x[axis] + side * radius))
        vertices = set()
        for (p, q, r), (a, b, c) in combinations(borders, 2):
            determinant = p * b - q * a
            if determinant == 0:
                continue
            z = ((r * b - q * c) / determinant, (p * c - r * a) / determinant)
            if all(abs(z[i] - x[i]) <= radius for i in (0, 1)):
                vertices.add(z)
        least = min(self.loss(z) for z in vertices)
        return sorted(z for z in vertices if self.loss(z) == least)

    def orbit_max_norm(self, x0, radius: Fraction, steps: int = 100) -> list[tuple[Fraction, Fraction]]:
        """BPM with the max-norm ball until f = 0; raises ValueError if a broximal point on the way is not unique."""
        points = [tuple(Fraction(v) for v in x0)]
        while self.loss(points[-1]) > 0 and len(points) <= steps:
            minimisers = self.brox_max_norm(points[-1], Fraction(radius))
            if len(minimisers) > 1 and self.loss(minimisers[0]) > 0:
                raise ValueError(f"the broximal point of {points[-1]} is not unique: choose another start")
            points.append(minimisers[0])
        return points

    def expression(self, z):
        """f as a cvxpy expression of a vector variable of length 2."""
        import cvxpy as cp

        return sum(float(w) * cp.abs(float(p) * z[0] + float(q) * z[1]) for w, p, q in self.lines)

    @property
    def solution(self):
        return np.zeros(2)


#: f = 10^4 |x_1 - 10 x_2| + |x_2|: the max-norm distance grows on the way, and four steps are needed against a bound
#: of three from (1.5, 1.5).
MAX_NORM_COUNTEREXAMPLE = PlanarModuli(((10**4, 1, -10), (1, 0, 1)))

#: Diagonal part of 100 |Z_11 - 10 Z_22| + |Z_22| + |Z_12| + |Z_21|. Dropping the off-diagonal of Z lowers f and shrinks
#: |Z - X| in the spectral norm when X is diagonal, so the spectral ball acts on diagonals as the max-norm ball.
SPECTRAL_COUNTEREXAMPLE = PlanarModuli(((100, 1, -10), (1, 0, 1)))


@dataclass(frozen=True)
class BoxLeastSquares(BallProblem):
    """f(x) = 1/2 |W (x - s)|^2 under the max-norm ball: a box-constrained least-squares problem, solved exactly."""

    W: np.ndarray
    solution: np.ndarray
    smooth: bool = True

    @classmethod
    def random(cls, dimension: int, generator) -> "BoxLeastSquares":
        """Gaussian W (2d rows) and s."""
        return cls(generator.standard_normal((2 * dimension, dimension)), generator.standard_normal(dimension))

    def loss(self, x):
        r = self.W @ (x - self.solution)
        return 0.5 * float(r @ r)

    def gradient(self, x):
        return self.W.T @ (self.W @ (x - self.solution))

    def brox_max_norm(self, x, radius: float) -> np.ndarray:
        """Active-set solution (bounded-variable least squares), then the free coordinates solved once more exactly."""
        x = check_ball(x, radius)
        fit = lsq_linear(self.W, self.W @ self.solution, (x - radius, x + radius), method="bvls", tol=1e-15)
        u = np.clip(fit.x, x - radius, x + radius)
        free = fit.active_mask == 0
        u[fit.active_mask < 0] = (x - radius)[fit.active_mask < 0]
        u[fit.active_mask > 0] = (x + radius)[fit.active_mask > 0]
        if free.any():
            right = self.W @ self.solution - self.W[:, ~free] @ u[~free]
            u[free] = np.linalg.lstsq(self.W[:, free], right, rcond=None)[0]
        return u


@dataclass(frozen=True)
class MatrixLeastSquares(BallProblem):
    """f(Z) = 1/2 |A (Z - S)|_F^2 for matrices Z, A with full column rank, under the spectral ball."""

    A: np.ndarray
    solution: np.ndarray
    smooth: bool = True

    @classmethod
    def random(cls, shape: tuple[int, int], generator) -> "MatrixLeastSquares":
        """Gaussian A (twice as many rows as columns) and S."""
        return cls(generator.standard_normal((2 * shape[0], shape[0])), generator.standard_normal(shape))

    def loss(self, Z):
        r = self.A @ (Z - self.solution)
        return 0.5 * float(np.sum(r * r))

    def gradient(self, Z):
        return self.A.T @ (self.A @ (Z - self.solution))

    def brox_spectral(self, X, radius: float) -> np.ndarray:
        """By cvxpy and Clarabel; the factor 1/2 is left out, which does not change the minimiser."""
        import cvxpy as cp

        return spectral_brox_conic(lambda Z: cp.sum_squares(self.A @ (Z - self.solution)), X, radius)


def moduli_of_matrix(moduli: PlanarModuli):
    """cvxpy expression of ``moduli`` at the diagonal of a 2x2 matrix plus |Z_12| + |Z_21|, scaled by its largest
    weight, which does not change the minimiser."""
    import cvxpy as cp

    scale = float(max(w for w, _, _ in moduli.lines))
    return lambda Z: (moduli.expression(cp.diag(Z)) + cp.abs(Z[0, 1]) + cp.abs(Z[1, 0])) / scale


def spectral_brox_conic(f, X, radius: float) -> np.ndarray:
    """argmin f(Z) over |Z - X|_op <= t by cvxpy; ``f`` maps a cvxpy matrix variable to a convex expression."""
    import cvxpy as cp

    Z = cp.Variable(X.shape)
    problem = cp.Problem(cp.Minimize(f(Z)), [cp.sigma_max(Z - X) <= radius])
    solve_accurately(problem)
    return np.array(Z.value)
