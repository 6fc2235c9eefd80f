"""Monteiro-Svaiter acceleration of the ball oracle, one oracle call per step.

The line-search-free form of Carmon, Hausler, Jambulapati, Jin and Sidford (2022, arXiv 2205.15371, Algorithm 1), for
the ball oracle of Carmon et al. (2020, arXiv 2003.08078): the oracle returns u with u = y - grad f(u) / c, so that its
multiplier c is the regularisation that the method must guess.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class AcceleratedState(NamedTuple):
    """``point`` x_k, ``anchor`` v_k (mirror sequence), ``weight`` A_k, ``guess`` of the next multiplier, ``k``."""

    point: np.ndarray
    anchor: np.ndarray
    weight: float
    guess: float
    k: int


@dataclass(frozen=True)
class BallAccelerated:
    """``radius`` of every ball and the factor ``adapt`` > 1 by which the guess of the multiplier moves."""

    radius: float
    adapt: float = 2.0

    def init(self, oracle, x0) -> AcceleratedState:
        guess = float(np.linalg.norm(oracle.gradient(x0))) / self.radius
        return AcceleratedState(x0, x0, 0.0, guess, 0)

    def step(self, oracle, state: AcceleratedState) -> AcceleratedState:
        x, v, A, guess, k = state
        a = (1.0 + np.sqrt(1.0 + 4.0 * guess * A)) / (2.0 * guess)
        y = (A * x + a * v) / (A + a)
        u, c = oracle.brox(y, self.radius)
        if c == 0.0:  # the ball held a minimiser
            return AcceleratedState(u, v, A, guess, k + 1)
        if c <= guess:
            following, A, step = u, A + a, a
            guess = guess / self.adapt
        else:  # the guess was too bold: damp the momentum
            damping = guess / c
            step = damping * a
            following = ((1.0 - damping) * A * x + damping * (A + a) * u) / (A + step)
            A = A + step
            guess = guess * self.adapt
        return AcceleratedState(following, v - step * c * (y - u), A, guess, k + 1)
