"""Optimality conditions on the lens in exact arithmetic (sympy): multipliers, H and the limit covariance.

The constraints are g_1 = ||x - e1||^2 - 4 <= 0 and g_2 = ||x + e1||^2 - 4 <= 0, so that the multipliers belong to the
gradients 2(x - e1) and 2(x + e1).
"""

from typing import NamedTuple

import sympy as sp

SYMBOLS = sp.symbols("x1:4", real=True)


class Conditions(NamedTuple):
    """What the three standing conditions look at: the ``active`` constraints, their ``multipliers`` (all constraints,
    zero where inactive), the ``residual`` of stationarity, the ``rank`` of the active gradients, the Hessian ``H`` of
    the Lagrangian on the tangent space and the limit ``covariance`` H^+ H^+ for unit noise."""

    active: tuple[int, ...]
    multipliers: tuple
    residual: sp.Matrix
    rank: int
    H: sp.Matrix
    covariance: sp.Matrix


def constraints():
    """The two constraint functions g_1, g_2 as sympy expressions in ``SYMBOLS``."""
    x1, x2, x3 = SYMBOLS
    return [(x1 - 1) ** 2 + x2**2 + x3**2 - 4, (x1 + 1) ** 2 + x2**2 + x3**2 - 4]


def conditions(objective, point) -> Conditions:
    """The conditions for minimising <objective, x> over the lens, at ``point`` (both sequences of sympy numbers).

    The multipliers solve stationarity in the least-squares sense; where ``residual`` is not zero the point is not
    stationary for any multipliers. Raises ValueError when no constraint is active there.
    """
    at = dict(zip(SYMBOLS, point))
    values = [sp.simplify(g.subs(at)) for g in constraints()]
    active = tuple(i for i, value in enumerate(values) if value == 0)
    if not active:
        raise ValueError(f"no constraint is active at {tuple(point)}: give a point of the boundary of the lens")
    c = sp.Matrix(objective)
    J = sp.Matrix([[sp.diff(constraints()[i], x).subs(at) for x in SYMBOLS] for i in active])
    gram = J * J.T
    y = gram.inv() * J * (-c) if gram.det() != 0 else gram.pinv() * J * (-c)
    multipliers = [sp.Integer(0)] * 2
    for i, value in zip(active, y):
        multipliers[i] = sp.simplify(value)
    residual = sp.simplify(c + J.T * y)
    lagrangian = sum(m * g for m, g in zip(multipliers, constraints()))
    P = sp.eye(3) - J.T * gram.inv() * J
    H = sp.simplify(P * sp.hessian(lagrangian, SYMBOLS) * P)
    inverse = sp.simplify(H.pinv())
    return Conditions(active, tuple(multipliers), residual, J.rank(), H, sp.simplify(inverse * inverse))
