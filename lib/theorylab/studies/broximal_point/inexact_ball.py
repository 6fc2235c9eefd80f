"""Broximal point method with an inexact inner solver: a fixed number of projected (sub)gradient steps per ball."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class InexactState(NamedTuple):
    """``point`` x_k and ``k``."""

    point: np.ndarray
    k: int


def project(x, centre, radius: float) -> np.ndarray:
    """Euclidean projection of x onto B(centre, radius)."""
    offset = x - centre
    length = np.linalg.norm(offset)
    return x if length <= radius else centre + offset * (radius / length)


@dataclass(frozen=True)
class InexactBall:
    """Each outer step runs ``inner_steps`` projected subgradient steps of length ``radius`` / sqrt(inner_steps).

    It returns the best point seen. With G the largest subgradient norm the inner gap is at most of the order of
    G t / sqrt(inner_steps) (the classical bound for normalised subgradient steps with this constant length).
    """

    radius: float
    inner_steps: int

    def init(self, oracle, x0) -> InexactState:
        return InexactState(x0, 0)

    def step(self, oracle, state: InexactState) -> InexactState:
        x = best = state.point
        best_loss = oracle.loss(best)
        length = self.radius / np.sqrt(self.inner_steps)
        for _ in range(self.inner_steps):
            g = oracle.gradient(x)
            size = np.linalg.norm(g)
            if size == 0.0:
                break
            x = project(x - length * g / size, state.point, self.radius)
            now = oracle.loss(x)
            if now < best_loss:
                best, best_loss = x, now
        return InexactState(best, state.k + 1)


def inner_error(problem, radius: float, inner_steps: int, centres) -> float:
    """Median over the rows of ``centres`` of f(u) - min over the ball, u the answer of one inexact step from there.

    The ball's minimum comes from the problem's exact operator.
    """
    method = InexactBall(radius, inner_steps)
    errors = []
    for x in centres:
        u = method.step(problem, method.init(problem, x)).point
        errors.append(problem.loss(u) - problem.loss(problem.brox(x, radius).point))
    return float(np.median(errors))
