"""The lens: two balls of radius two in three dimensions, on which Figure 11 of the source runs projected SGD.

X = {x : ||x - e1|| <= 2, ||x + e1|| <= 2}. Its two spheres meet in the corner circle M = {x1 = 0, x2^2 + x3^2 = 3}.
The problem is to minimise E<c + g, x> = <c, x> over X with g standard normal. D. Davis, D. Drusvyatskiy, L. Jiang,
Annals of Statistics 52 (2024), 1485-1508 (arXiv 2301.06632).
"""

import math

import numpy as np

ROOT3 = math.sqrt(3.0)
STAR = np.array([0.0, 0.0, ROOT3])
"""Solution of the corrected problem, on the corner circle."""
UP = np.array([0.0, 0.0, -1.0])
"""The corrected objective c = -e3."""
PRINTED = np.array([-1.0, 0.0, 0.0])
"""The printed objective c = -e1, whose solution is (1, 0, 0)."""
ONE_SIDED = np.array([-0.5, 0.0, -ROOT3 / 2])
"""An objective with the solution STAR and one zero multiplier: -c is normal to the ball around -e1 alone."""
HALF_ACTIVE = np.array([ROOT3 / 2, 0.0, -0.5])
"""Direction that ONE_SIDED leaves half active: the feasible side is <v, x> >= <v, STAR>."""
CURVATURE = 1 / ROOT3
"""lambda = e2' H e2 of the corrected problem; 1/2 in both tangent directions of the printed one."""
LIMIT_VARIANCE = 3.0
"""The only nonzero entry of H^+ Cov H^+ for the corrected problem: 1 / CURVATURE^2."""


def _namespace(array):
    if isinstance(array, np.ndarray):
        return np
    import torch

    return torch


def project(y):
    """Nearest point of X for every row of ``y`` (shape (..., 3), NumPy array or torch tensor, kept as it comes).

    Three cases, decided exactly. Inside both balls: y itself. Otherwise project on the far ball, the one whose centre
    lies on the other side of the plane x1 = 0; if the result stays on the side of y it is the answer. Otherwise the
    nearest point is the nearest one of the circle. The 0/0 at y2 = y3 = 0 cannot happen there: such a y stays on its
    side. A y in the plane x1 = 0 counts as right of it.
    """
    xp = _namespace(y)
    a, r = xp.abs(y[..., 0]), xp.hypot(y[..., 1], y[..., 2])
    distance = xp.hypot(a + 1, r)
    inside = distance <= 2
    k = 2 / xp.where(inside, xp.ones_like(distance), distance)
    first = k * (a + 1) - 1
    on_ball = first >= 0
    on_circle = ~inside & ~on_ball
    shrink = xp.where(on_circle, ROOT3 / xp.where(on_circle, r, xp.ones_like(r)), k)
    sign = xp.where(y[..., 0] < 0, -xp.ones_like(a), xp.ones_like(a))
    first = xp.where(on_ball, sign * first, xp.zeros_like(a))
    moved = xp.stack([first, shrink * y[..., 1], shrink * y[..., 2]], -1)
    return xp.where(inside[..., None], y, moved)


def support_point(h):
    """The point of X that maximises <h, x>, for every row of ``h`` (shape (..., 3)): the solution of the problem with
    objective c = -h, hence sample average approximation with h = -(c + mean of g).

    On the circle while both multipliers are nonnegative, |h1| <= hypot(h2, h3) / sqrt(3); beyond that on the ball
    whose centre lies opposite to h1. Raises ValueError for h = 0, where every point is a solution.
    """
    h = np.asarray(h, dtype=float)
    r = np.hypot(h[..., 1], h[..., 2])
    size = np.hypot(h[..., 0], r)
    if (size == 0).any():
        raise ValueError("h = 0 has no unique maximiser over the lens: give a nonzero objective")
    corner = on_corner(h)
    scale = np.where(corner, ROOT3 / np.where(corner, r, 1.0), 2 / size)
    first = np.where(corner, 0.0, 2 * h[..., 0] / size - np.sign(h[..., 0]))
    return np.stack([first, scale * h[..., 1], scale * h[..., 2]], axis=-1)


def on_corner(h):
    """Whether the maximiser of <h, x> over X lies on the corner circle."""
    h = np.asarray(h, dtype=float)
    return np.abs(h[..., 0]) * ROOT3 <= np.hypot(h[..., 1], h[..., 2])


def distance_to_circle(x):
    """Distance of every row of ``x`` (shape (..., 3)) to the corner circle M."""
    x = np.asarray(x, dtype=float)
    return np.hypot(x[..., 0], np.hypot(x[..., 1], x[..., 2]) - ROOT3)


def contains(x, slack: float = 1e-12) -> bool:
    """Whether all rows of ``x`` lie in X up to ``slack`` in the distance to the centres."""
    x = np.asarray(x, dtype=float)
    return bool((np.hypot(np.abs(x[..., 0]) + 1, np.hypot(x[..., 1], x[..., 2])) <= 2 + slack).all())


def checked_start(start) -> np.ndarray:
    """``start`` as an array (3,). Raises ValueError when it is not a point of the lens."""
    start = np.asarray(start, dtype=float)
    if start.shape != (3,) or not contains(start):
        raise ValueError(
            f"start must be a point of the lens, got {start.tolist()}; take lens.project(start), the nearest one"
        )
    return start
