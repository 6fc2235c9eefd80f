"""A game of two players, each with a disc to play in: bilinear coupling, quadratic costs.

Player one chooses u, player two v, both in discs of radius rho. Costs (a/2)|u|^2 + u'Bv + p'u and
(a/2)|v|^2 - u'Bv + q'v. A Nash equilibrium is a solution of the variational inequality of

    F(u, v) = (a u + B v + p, a v - B' u + q) = G (u, v) + offset.
"""

from typing import NamedTuple

import numpy as np


class Game(NamedTuple):
    """The affine map G x + offset and the ``radius`` of both discs."""

    G: np.ndarray
    offset: np.ndarray
    radius: float


class Equilibrium(NamedTuple):
    """The equilibrium ``x``, the ``multipliers`` mu_i with F_i = -mu_i x_i / rho, a ``tangent`` basis (4, 2) of the
    product of circles, the drift ``A`` = T'(G + diag(mu / rho)) T there, and the ``residual`` of the fixed point."""

    x: np.ndarray
    multipliers: np.ndarray
    tangent: np.ndarray
    A: np.ndarray
    residual: float


def rotation_game(coupling: float = 1.0, curvature: float = 0.5, radius: float = 1.0) -> Game:
    """A fixed game whose coupling B turns and scales, with both players on the boundary at equilibrium."""
    B = coupling * np.array([[1.0, -0.6], [0.4, 0.8]])
    a = curvature * np.eye(2)
    G = np.block([[a, B], [-B.T, a]])
    return Game(G, np.array([-2.0, -1.0, 1.5, -2.5]), radius)


def equilibrium(game: Game, tolerance: float = 1e-13, limit: int = 100_000) -> Equilibrium:
    """Solve by projected steps, which contract because F is strongly monotone.

    Raises RuntimeError when they have not settled after ``limit`` steps, ValueError when a player is inside.
    """
    strong = np.linalg.eigvalsh((game.G + game.G.T) / 2)[0]
    step = strong / np.linalg.norm(game.G, 2) ** 2
    x = np.zeros(4)
    for _ in range(limit):
        moved = _discs(x - step * (game.G @ x + game.offset), game.radius)
        change, x = np.linalg.norm(moved - x), moved
        if change <= tolerance * step:
            break
    else:
        raise RuntimeError(f"the equilibrium did not settle within {limit} steps: raise limit or tolerance")
    F = (game.G @ x + game.offset).reshape(2, 2)
    u = x.reshape(2, 2) / game.radius
    multipliers = -np.sum(F * u, axis=1)
    if (np.abs(np.linalg.norm(u, axis=1) - 1) > 1e-9).any() or (multipliers <= 0).any():
        raise ValueError("a player is in the interior of its disc: enlarge the offset")
    T = np.zeros((4, 2))
    T[:2, 0], T[2:, 1] = (-u[0, 1], u[0, 0]), (-u[1, 1], u[1, 0])
    A = T.T @ (game.G + np.diag(np.repeat(multipliers / game.radius, 2))) @ T
    return Equilibrium(x, multipliers, T, A, float(np.linalg.norm(F + multipliers[:, None] * u)))


def _discs(x, radius):
    blocks = x.reshape(2, 2)
    return (blocks / np.maximum(1, np.linalg.norm(blocks, axis=1) / radius)[:, None]).ravel()
