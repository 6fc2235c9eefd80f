"""The kinked model as a cone program (cvxpy): an oracle that is told neither the minimiser nor any theory about it.

With a rule of nodes u_k the reduced problem is min -sigma.s + sum_k w_k (A r_k + (B - A) t_k), r_k >= ||(s_i u_ki)_i||,
t_k >= max(r_k - r_0, 0): one second-order cone per node.
"""

import warnings
from typing import NamedTuple

import numpy as np

from theorylab.studies.isotropic_curvature import sphere


class ConicMinimum(NamedTuple):
    """Minimiser `s` (nan where the problem is unbounded), loss and solver status."""

    s: np.ndarray
    loss: float
    status: str


def minimise(sigma, kink, order=200, dimension=None):
    """ConicMinimum of the kinked reduced problem of sigma (p,) on the sphere of R^dimension, `order` nodes per axis."""
    import cvxpy as cp

    sigma = np.asarray(sigma, dtype=float)
    p = len(sigma)
    x, weights = sphere.octant(dimension or p, order)
    u = np.sqrt(x[:, -p:])
    s = cp.Variable(p, nonneg=True)
    r = cp.norm(cp.multiply(u, cp.reshape(s, (1, p), order="C")), axis=1)
    loss = kink.below * (weights @ r) + (kink.above - kink.below) * (weights @ cp.pos(r - kink.radius))
    problem = cp.Problem(cp.Minimize(loss - sigma @ s))
    with warnings.catch_warnings():
        # cvxpy warns of "optimal_inaccurate", which the status reports already.
        warnings.simplefilter("ignore", UserWarning)
        problem.solve(solver=cp.CLARABEL, tol_gap_abs=1e-9, tol_gap_rel=1e-9, tol_feas=1e-9)
    if s.value is None or problem.status not in ("optimal", "optimal_inaccurate"):
        return ConicMinimum(np.full(p, np.nan), -np.inf, "unbounded")
    return ConicMinimum(np.asarray(s.value), float(problem.value), problem.status)


def smallest_ratio(shape, x, weights):
    """Smallest B/A for the spectrum `shape` (n,) up to scale: a linear programme over xi at nodes x = u^2 (K, n).

    Minimise B over xi_k in [1, B] and t with sum_k w_k xi_k x_ki = t shape_i: the definition itself on the rule
    (x, weights). Raises RuntimeError when the solver gives up.
    """
    from scipy import sparse
    from scipy.optimize import linprog

    count, n = x.shape
    cost = np.zeros(count + 2)  # unknowns xi_1..xi_K, t, B
    cost[-1] = 1
    moments = (x * weights[:, None]).T
    balance = np.concatenate([moments, -np.asarray(shape, dtype=float)[:, None], np.zeros((n, 1))], axis=1)
    below = sparse.hstack([sparse.eye_array(count), np.zeros((count, 1)), -np.ones((count, 1))], format="csr")
    bounds = [(1, None)] * count + [(0, None), (1, None)]
    result = linprog(cost, A_ub=below, b_ub=np.zeros(count), A_eq=balance, b_eq=np.zeros(n), bounds=bounds)
    if not result.success:
        raise RuntimeError(f"linear programme for the threshold failed: {result.message}")
    return float(result.fun)
