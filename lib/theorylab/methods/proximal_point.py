"""The proximal point method, with fixed gamma or with the gamma that turns it into the broximal point method."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class ProximalState(NamedTuple):
    """``point`` x_k, the ``gamma`` of the step that led there, ``k``."""

    point: np.ndarray
    gamma: float
    k: int


@dataclass(frozen=True)
class ProximalPoint:
    """x_{k+1} = prox(x_k, gamma)."""

    gamma: float

    def init(self, oracle, x0) -> ProximalState:
        return ProximalState(x0, float("nan"), 0)

    def step(self, oracle, state: ProximalState) -> ProximalState:
        return ProximalState(oracle.prox(state.point, self.gamma), self.gamma, state.k + 1)


def quartic_prox(x: float, gamma: float) -> float:
    """Proximal point of x^4 on the line: the real root of u + 4 gamma u^3 = x, in closed form."""
    # u = 2 sqrt(p/3) sinh(asinh(...)/3) for u^3 + p u = q, p = 1/(4 gamma), q = x/(4 gamma).
    p, q = 0.25 / gamma, 0.25 * x / gamma
    scale = np.sqrt(p / 3.0)
    return float(2.0 * scale * np.sinh(np.arcsinh(q / (2.0 * scale**3)) / 3.0))
