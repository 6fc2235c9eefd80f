"""Super-quadratic curvatures with kinks: in the squares y = s^2 the reduced problem is a convex program.

A curvature H(r) = max_k (a_k r^2 - b_k) is super-quadratic: H(sqrt(x)) = max_k (a_k x - b_k) is convex and piecewise
linear. With x = sum_i y_i u_i^2 linear in y, the loss -sum_i sigma_i sqrt(y_i) + E max_k (a_k x - b_k) is convex in y,
zero and equal singular values included, which Newton's method in s cannot handle.
"""

import warnings

import numpy as np

PIECES = ((1.0, 0.0), (5.0, 4.0))  # H = max(r^2, 5 r^2 - 4): strictly increasing, a kink at r = 1


def value(pieces, x):
    """H(sqrt(x)) = max_k (a_k x - b_k) for x of any shape."""
    return np.max([a * x - b for a, b in pieces], axis=0)


def minimise(sigma, pieces, x, weights):
    """Minimiser s (p,) for singular values sigma (p,), zeros allowed, over nodes x = u^2 (K, p) with weights (K,).

    Raises RuntimeError when the solver gives up.
    """
    import cvxpy as cp

    sigma = np.asarray(sigma, dtype=float)
    y = cp.Variable(len(sigma), nonneg=True)
    squares = x @ y
    lines = [a * squares - b for a, b in pieces]
    curvature = cp.maximum(*lines) if len(lines) > 1 else lines[0]
    problem = cp.Problem(cp.Minimize(weights @ curvature - sigma @ cp.sqrt(y)))
    with warnings.catch_warnings():
        # cvxpy warns of "optimal_inaccurate", which the status reports already.
        warnings.simplefilter("ignore", UserWarning)
        problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-10, tol_gap_rel=1e-10, tol_feas=1e-10)
    if problem.status not in ("optimal", "optimal_inaccurate"):
        raise RuntimeError(f"the program in squares ended {problem.status}; is H increasing?")
    return np.sqrt(np.maximum(y.value, 0.0))
