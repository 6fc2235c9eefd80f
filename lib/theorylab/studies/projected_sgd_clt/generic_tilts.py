"""Linear tilts of a piecewise quadratic function over a polyhedron cut by a ball: are the three conditions generic?

    minimise (1/2) x'Qx + sum_j |u_j'x - w_j| - <v, x>   over   A x <= b, ||x|| <= r,

for one fixed function and constraint set and many tilts v.
"""

from typing import NamedTuple

import numpy as np


class Tilted(NamedTuple):
    """The function and the constraint set."""

    Q: np.ndarray
    U: np.ndarray
    w: np.ndarray
    A: np.ndarray
    b: np.ndarray
    radius: float


class Regularity(NamedTuple):
    """At the solution ``x``: the number of ``active`` pieces (kinks, faces, ball), strict complementarity ``margin``
    (smallest of slack + multiplier over all pieces), smallest singular value ``independence`` of the active gradients
    and smallest ``curvature`` of the Lagrangian on the tangent space (1 where that space is {0})."""

    x: np.ndarray
    active: int
    margin: float
    independence: float
    curvature: float


def random_problem(stream, dimension: int = 4, faces: int = 6, kinks: int = 2) -> Tilted:
    """A problem drawn from the NumPy generator ``stream``, with 0 strictly feasible."""
    root = stream.standard_normal((dimension, dimension))
    A = stream.standard_normal((faces, dimension))
    U = stream.standard_normal((kinks, dimension))
    return Tilted(
        root @ root.T / dimension + 0.2 * np.eye(dimension),
        U / np.linalg.norm(U, axis=1, keepdims=True),
        0.3 * stream.standard_normal(kinks),
        A / np.linalg.norm(A, axis=1, keepdims=True),
        np.full(faces, 0.6),
        1.0,
    )


def regularity(problem: Tilted, tilts) -> list[Regularity]:
    """The conditions at the solution of every tilt (rows of ``tilts``): a conic solver (Clarabel) finds the active
    pieces, Newton's method on the optimality system with these pieces polishes point and multipliers."""
    import cvxpy as cp

    d = len(problem.Q)
    x, t, v = cp.Variable(d), cp.Variable(len(problem.w)), cp.Parameter(d)
    kink = problem.U @ x - problem.w
    constraints = [problem.A @ x <= problem.b, cp.norm(x) <= problem.radius, kink <= t, -kink <= t]
    quadratic = cp.quad_form(x, cp.psd_wrap(problem.Q)) / 2
    programme = cp.Problem(cp.Minimize(quadratic + cp.sum(t) - v @ x), constraints)
    found = []
    for tilt in np.atleast_2d(tilts):
        v.value = tilt
        programme.solve(solver=cp.CLARABEL)
        faces, ball, above, below = [np.atleast_1d(constraint.dual_value) for constraint in constraints]
        multiplier = np.concatenate([faces, ball, above - below])
        found.append(_regularity(problem, *_polish(problem, tilt, x.value, multiplier)))
    return found


def _margins(problem, x, multiplier):
    """Slack and multiplier of every piece. A kink is held in place by a subgradient in (-1, 1); its distance to the
    ends plays the role of the multiplier."""
    faces = len(problem.b)
    slack = np.concatenate(
        [problem.b - problem.A @ x, [problem.radius - np.linalg.norm(x)], np.abs(problem.U @ x - problem.w)]
    )
    return slack, np.concatenate([multiplier[: faces + 1], 1 - np.abs(multiplier[faces + 1 :])])


def _polish(problem, tilt, x, multiplier, steps: int = 6):
    """Newton's method on stationarity and the active equations; inactive multipliers are 0, or the sign of a kink."""
    slack, size = _margins(problem, x, multiplier)
    active = size > slack
    faces = len(problem.b)
    fixed = np.concatenate([np.zeros(faces + 1), np.sign(problem.U @ x - problem.w)])
    multiplier = np.where(active, multiplier, fixed)
    for _ in range(steps):
        gradients = np.vstack([problem.A, x / problem.radius, problem.U])
        residual = problem.Q @ x - tilt + gradients.T @ multiplier
        values = np.concatenate(
            [problem.A @ x - problem.b, [(x @ x / problem.radius - problem.radius) / 2], problem.U @ x - problem.w]
        )
        G = gradients[active]
        hessian = problem.Q + multiplier[faces] / problem.radius * np.eye(len(x))
        system = np.block([[hessian, G.T], [G, np.zeros((len(G), len(G)))]])
        change = np.linalg.lstsq(system, -np.concatenate([residual, values[active]]), rcond=None)[0]
        x = x + change[: len(x)]
        multiplier[active] += change[len(x) :]
    return x, multiplier, active


def _regularity(problem, x, multiplier, active) -> Regularity:
    slack, size = _margins(problem, x, multiplier)
    gradients = np.vstack([problem.A, x / np.linalg.norm(x), problem.U])[active]
    independence = float(np.linalg.svd(gradients, compute_uv=False)[-1]) if len(gradients) <= len(x) else 0.0
    tangent = np.linalg.svd(gradients)[2][len(gradients) :].T if len(gradients) else np.eye(len(x))
    hessian = problem.Q + (multiplier[len(problem.b)] / problem.radius) * np.eye(len(x))
    curvature = float(np.linalg.eigvalsh(tangent.T @ hessian @ tangent)[0]) if tangent.shape[1] else 1.0
    return Regularity(x, int(active.sum()), float(np.min(slack + size)), independence, curvature)


def tilt_normal_to_one_face(problem: Tilted) -> np.ndarray:
    """A tilt whose solution lies on two faces while its normal belongs to one of them: the other multiplier is zero.

    Raises ValueError when no pair of faces meets inside the other constraints.
    """
    for i in range(len(problem.b)):
        for j in range(len(problem.b)):
            pair = problem.A[[i, j]]
            x = np.linalg.pinv(pair) @ problem.b[[i, j]]
            others = np.delete(problem.b - problem.A @ x, [i, j])
            away = np.abs(problem.U @ x - problem.w).min() > 1e-2
            if i != j and (others > 1e-2).all() and np.linalg.norm(x) < problem.radius - 1e-2 and away:
                return problem.Q @ x + problem.U.T @ np.sign(problem.U @ x - problem.w) + problem.A[i]
    raise ValueError("no two faces meet strictly inside the other constraints: draw another problem")
