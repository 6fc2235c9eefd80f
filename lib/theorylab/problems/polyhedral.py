"""Piecewise linear functions whose broximal operator is a conic programme, and the conic route for every problem."""

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import linprog, lsq_linear, nnls

from theorylab.extras import need
from theorylab.problems.broximal import BallProblem, BallStep, check_ball

KINK = 1e-6  # residuals below this are kinks: a conic solver lands on them up to its accuracy, 1e-8


def solve_accurately(programme, accuracy: float = 1e-8) -> None:
    """Solve a cvxpy programme by Clarabel to a hundredth of ``accuracy`` where it gets there, else to ``accuracy``.

    Raises RuntimeError when it does not reach that either.
    """
    cp = need("cvxpy", "this conic program")

    for goal in (0.01 * accuracy, 0.1 * accuracy, accuracy):
        settings = {f"tol_{kind}": goal for kind in ("gap_abs", "gap_rel", "feas")}
        # An "inaccurate" answer is then one of this accuracy rather than of Clarabel's usual fallback, 5e-5.
        settings |= {f"reduced_tol_{kind}": accuracy for kind in ("gap_abs", "gap_rel", "feas")}
        try:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", message="Solution may be inaccurate")
                programme.solve(solver=cp.CLARABEL, **settings)
        except cp.SolverError:
            continue
        if programme.status in (cp.OPTIMAL, cp.OPTIMAL_INACCURATE):
            return
    raise RuntimeError(f"Clarabel does not reach an accuracy of {accuracy:g}; rescale the problem")


class ConicBall:
    """min f(z) subject to |z - x| <= t by cvxpy and Clarabel: told neither the minimiser nor anything about c.

    ``problem`` needs ``expression(z)``. The programme is built once with x and t as parameters. ``solve`` returns a
    BallStep whose multiplier is the dual variable of the ball divided by t.
    ``norm`` may be "euclidean" or "max". Raises RuntimeError if Clarabel does not report an optimum.
    """

    def __init__(self, problem, norm: str = "euclidean"):
        cp = need("cvxpy", "this conic program")

        d = problem.solution.size
        self.variable, self.centre, self.radius = cp.Variable(d), cp.Parameter(d), cp.Parameter(nonneg=True)
        length = {"euclidean": cp.norm, "max": cp.norm_inf}[norm](self.variable - self.centre)
        self.ball = length <= self.radius
        self.programme = cp.Problem(cp.Minimize(problem.expression(self.variable)), [self.ball])

    def solve(self, x, radius: float) -> BallStep:
        self.centre.value, self.radius.value = check_ball(x, radius), radius
        solve_accurately(self.programme)
        return BallStep(np.array(self.variable.value), max(float(self.ball.dual_value), 0.0) / radius)


class PolyhedralProblem(BallProblem):
    """Piecewise linear f; the minimiser is a vertex, found by the simplex method and polished on its active pieces."""

    @cached_property
    def conic(self) -> ConicBall:
        return ConicBall(self)

    def brox(self, x, radius: float) -> BallStep:
        return self.conic.solve(x, radius)


@dataclass(frozen=True)
class L1Regression(PolyhedralProblem):
    """f(x) = (1/m) |A x - b|_1."""

    A: np.ndarray
    b: np.ndarray

    @classmethod
    def random(cls, dimension: int, samples: int, generator) -> "L1Regression":
        """Gaussian rows, noisy right-hand side: the minimiser is one vertex with probability 1."""
        A = generator.standard_normal((samples, dimension))
        b = A @ generator.standard_normal(dimension) + 0.5 * generator.standard_normal(samples)
        return cls(A, b)

    def loss(self, x):
        return float(np.mean(np.abs(self.A @ x - self.b)))

    def gradient(self, x):
        return self.A.T @ np.sign(self.A @ x - self.b) / self.b.size

    def shortest_subgradient(self, x):
        """Least norm of A^T s / m over s_j = sign r_j, and s_j in [-1, 1] where |r_j| <= ``KINK``, r = A x - b."""
        r = self.A @ x - self.b
        kinks = np.abs(r) <= KINK
        g = self.A[~kinks].T @ np.sign(r[~kinks])
        if kinks.any():
            s = lsq_linear(self.A[kinks].T, -g, (-1.0, 1.0), method="bvls", tol=1e-14).x
            g = g + self.A[kinks].T @ s
        return g / self.b.size

    @cached_property
    def solution(self):
        m, d = self.A.shape
        cost = np.concatenate([np.zeros(d), np.ones(m)])
        above = np.block([[self.A, -np.eye(m)], [-self.A, -np.eye(m)]])
        bounds = [(None, None)] * d + [(0, None)] * m
        fit = linprog(cost, A_ub=above, b_ub=np.concatenate([self.b, -self.b]), bounds=bounds, method="highs-ds")
        active = np.argsort(np.abs(self.A @ fit.x[:d] - self.b))[:d]
        return np.linalg.solve(self.A[active], self.b[active])

    @cached_property
    def min_loss(self) -> float:
        return self.loss(self.solution)

    def expression(self, z):
        """f as a cvxpy expression of the variable z."""
        cp = need("cvxpy", "this conic program")

        return cp.norm1(self.A @ z - self.b) / self.b.size


@dataclass(frozen=True)
class MaxAffine(PolyhedralProblem):
    """f(x) = max_j <a_j, x> + b_j."""

    A: np.ndarray
    b: np.ndarray

    @classmethod
    def random(cls, dimension: int, pieces: int, generator) -> "MaxAffine":
        """Gaussian slopes, centred so that 0 is in their convex hull and f is bounded below."""
        A = generator.standard_normal((pieces, dimension))
        return cls(A - A.mean(axis=0), generator.standard_normal(pieces))

    def loss(self, x):
        return float(np.max(self.A @ x + self.b))

    def gradient(self, x):
        return self.A[int(np.argmax(self.A @ x + self.b))]

    def shortest_subgradient(self, x):
        """Point of least norm in the convex hull of the slopes of all pieces within ``KINK`` of the largest."""
        values = self.A @ x + self.b
        active = self.A[values >= values.max() - KINK]
        # Least norm of active^T w over w >= 0 with sum w = 1: the sum enters with a large weight, then w is rescaled.
        heavy = 1e3 * np.linalg.norm(active, axis=1).max()
        w, _ = nnls(np.vstack([active.T, np.full(len(active), heavy)]), np.append(np.zeros(x.size), heavy))
        return active.T @ (w / w.sum())

    @cached_property
    def solution(self):
        m, d = self.A.shape
        cost = np.append(np.zeros(d), 1.0)
        bounds = [(None, None)] * (d + 1)
        fit = linprog(cost, A_ub=np.hstack([self.A, -np.ones((m, 1))]), b_ub=-self.b, bounds=bounds, method="highs-ds")
        active = np.argsort(fit.x[d] - (self.A @ fit.x[:d] + self.b))[: d + 1]
        return np.linalg.solve(np.hstack([self.A[active], -np.ones((d + 1, 1))]), -self.b[active])[:d]

    @cached_property
    def min_loss(self) -> float:
        return self.loss(self.solution)

    def expression(self, z):
        """f as a cvxpy expression of the variable z."""
        cp = need("cvxpy", "this conic program")

        return cp.max(self.A @ z + self.b)


def brox_width(problem, x, radius: float, directions, norm: str = "euclidean", slack: float = 1e-6) -> float:
    """Extent of brox(x, t) along the unit rows of ``directions``, over t: 0 for a single point, 2 for a whole diameter.

    The set is {y in the ball: f(y) <= min + slack}; ``slack`` leaves the solver an interior, and because of the
    curvature of the Euclidean ball it widens a single point to about sqrt(8 slack / c), not more.
    """
    cp = need("cvxpy", "this conic program")

    ball = ConicBall(problem, norm)
    level = problem.loss(ball.solve(x, radius).point) + slack
    direction = cp.Parameter(ball.variable.size)
    inside = [ball.ball, problem.expression(ball.variable) <= level]
    reach = cp.Problem(cp.Maximize(direction @ ball.variable), inside)
    widths = []
    for row in np.atleast_2d(directions):
        ends = []
        for sign in (1.0, -1.0):
            direction.value = sign * row
            solve_accurately(reach, accuracy=1e-6)
            ends.append(reach.value)
        widths.append(sum(ends) / radius)
    return float(max(widths))
