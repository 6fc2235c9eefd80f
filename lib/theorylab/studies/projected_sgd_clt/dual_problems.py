"""Where dual averaging is optimal and where it is not: one quadratic over an oblique edge and over a ball.

    minimise (1/2) (x - a)'Q(x - a) + <g, x>,    Q full, so that no coordinate is separate.

Over the wedge {x1 <= 0, x1 + sqrt(3) x2 <= 0} the solution lies on its edge, the x3 axis, and the limit variance along
it is 1 / Q33^2. Over a ball it lies on the sphere, where H = P_T (Q + (mu / radius) I) P_T.
"""

from typing import NamedTuple

import numpy as np

Q = np.array([[1.0, 0.3, 0.4], [0.3, 1.2, -0.5], [0.4, -0.5, 1.5]])
A = np.array([1.5, 1.0, 0.5])


class Solved(NamedTuple):
    """Solution ``x``, ``multipliers`` of the active constraints, ``tangent`` basis (3, dim) and the ``drift`` of the
    method along it, T'(Q + curvature of the constraints)T."""

    x: np.ndarray
    multipliers: np.ndarray
    tangent: np.ndarray
    drift: np.ndarray


def on_wedge() -> Solved:
    """Solution over the wedge, on its edge: Q33 t = (Q a)_3, and -Q(x - a) is a combination of the two normals."""
    x = np.array([0.0, 0.0, (Q @ A)[2] / Q[2, 2]])
    force = -Q @ (x - A)
    normals = np.array([[1.0, 0.0], [0.5, np.sqrt(3) / 2]]).T
    tangent = np.array([[0.0], [0.0], [1.0]])
    return Solved(x, np.linalg.solve(normals, force[:2]), tangent, tangent.T @ Q @ tangent)


def on_ball(radius: float) -> Solved:
    """Solution over the ball of this radius: (Q + nu I) x = Q a with nu >= 0 such that ||x|| = radius.

    Raises ValueError when a lies inside the ball.
    """
    from scipy.optimize import brentq

    if np.linalg.norm(A) <= radius:
        raise ValueError(f"a has norm {np.linalg.norm(A):.4g}: the ball must be smaller for its boundary to be active")

    def at(nu):
        return np.linalg.solve(Q + nu * np.eye(3), Q @ A)

    nu = brentq(lambda nu: np.linalg.norm(at(nu)) - radius, 0, np.linalg.norm(Q @ A) / radius, xtol=1e-14)
    x = at(nu)
    tangent = np.linalg.svd(x[None, :])[2][1:].T
    return Solved(x, np.array([nu * radius]), tangent, tangent.T @ (Q + nu * np.eye(3)) @ tangent)
