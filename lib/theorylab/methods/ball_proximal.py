"""The ball-proximal ("broximal") point method: x_{k+1} in brox(x_k, t_k) (arXiv 2502.02002)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class BallState(NamedTuple):
    """``point`` x_k, ``previous`` x_{k-1} with the ``radius`` and ``multiplier`` of the step between them, ``k``."""

    point: np.ndarray
    previous: np.ndarray
    radius: float
    multiplier: float
    k: int


@dataclass(frozen=True)
class BallProximalPoint:
    """BPM with the radius schedule ``radius(k)``."""

    radius: object

    def init(self, oracle, x0) -> BallState:
        return BallState(x0, x0, float("nan"), float("nan"), 0)

    def step(self, oracle, state: BallState) -> BallState:
        t = self.radius(state.k)
        u, c = oracle.brox(state.point, t)
        return BallState(u, state.point, t, c, state.k + 1)


def trajectory(problem, x0, radius, limit: int) -> list[BallState]:
    """States of BPM from x0, the start first, up to the step of Result 1 or ``limit`` steps."""
    method = BallProximalPoint(radius)
    states = [method.init(problem, x0)]
    while len(states) <= limit and not ended(problem, states[-1]):
        states.append(method.step(problem, states[-1]))
    return states


def ended(problem, state: BallState) -> bool:
    """Was the last step the one of Result 1: did B(x_{k-1}, t) hold a minimiser, up to 1e-6 t?"""
    return state.k > 0 and problem.distance(state.previous) <= state.radius * (1.0 + 1e-6)
