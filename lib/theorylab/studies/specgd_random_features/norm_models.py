"""The quadratic models of a step, minimised by a conic solver that is told neither formula."""

import cvxpy as cp
import numpy as np


def spectral_model_minimum(G, curvature: float) -> float:
    """min over U of <G, U> + (curvature/2) ||U||_op^2 for G (m, k), by cvxpy; theory: -||G||_*^2/(2 curvature).

    Raises ValueError for a curvature that is not positive.
    """
    _positive(curvature)
    U = cp.Variable(np.shape(G))
    height = cp.Variable()
    model = cp.sum(cp.multiply(G, U)) + curvature / 2 * cp.square(height)
    return _solved(cp.Problem(cp.Minimize(model), [cp.sigma_max(U) <= height]))


def euclidean_model_minimum(G, curvature: float) -> float:
    """min over U of <G, U> + (curvature/2) ||U||_F^2; theory: -||G||_F^2/(2 curvature). Raises as above."""
    _positive(curvature)
    U = cp.Variable(np.shape(G))
    return _solved(cp.Problem(cp.Minimize(cp.sum(cp.multiply(G, U)) + curvature / 2 * cp.sum_squares(U))))


def dual_of_spectral_norm(G) -> float:
    """max of <G, U> over ||U||_op <= 1, by cvxpy; theory: the nuclear norm of G."""
    U = cp.Variable(np.shape(G))
    return -_solved(cp.Problem(cp.Minimize(-cp.sum(cp.multiply(G, U))), [cp.sigma_max(U) <= 1]))


def _positive(curvature: float) -> None:
    if not curvature > 0:
        raise ValueError(f"curvature must be positive, got {curvature}: the model has no minimum otherwise")


def _solved(problem: cp.Problem) -> float:
    return float(problem.solve(solver=cp.CLARABEL))
