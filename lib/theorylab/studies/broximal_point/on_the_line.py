"""Nonconvex functions of one variable whose broximal operator is exact on a grid, and the bumpy ball-convex ones.

On a grid the constrained argmin over B(x, t) is a slice and an argmin; nothing about the function is used. The
bumpy functions are solved exactly in rational arithmetic.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from theorylab.problems.broximal import BallStep

GRID_SPACING = 5e-5


@dataclass(frozen=True)
class GridFunction:
    """Values of f on an equispaced grid; ``minimiser`` is the grid argmin, ``slope`` the analytic derivative.

    Points have shape (1,), as in every other problem. ``brox(x, t)`` is the grid argmin over B(x, t), nearest to x in
    a tie.
    """

    name: str
    nodes: np.ndarray
    values: np.ndarray
    slope: object

    @classmethod
    def of(cls, name: str, f, slope, low: float, high: float, spacing: float = GRID_SPACING) -> "GridFunction":
        """Tabulate ``f`` on [low, high]; nodes are integer multiples of ``spacing``."""
        if not low < high:
            raise ValueError(f"low must be below high, got [{low}, {high}]")
        nodes = np.arange(round(low / spacing), round(high / spacing) + 1) * spacing
        return cls(name, nodes, f(nodes), slope)

    @property
    def minimiser(self) -> float:
        return float(self.nodes[np.argmin(self.values)])

    @property
    def min_loss(self) -> float:
        return float(self.values.min())

    @property
    def solution(self):
        return np.array([self.minimiser])

    def index(self, x) -> int:
        """Index of the node nearest to x (a number or shape (1,)); raises ValueError outside the grid."""
        spacing = self.nodes[1] - self.nodes[0]
        i = round(float((np.reshape(x, ()) - self.nodes[0]) / spacing))
        if not 0 <= i < self.nodes.size:
            raise ValueError(f"x = {x} lies outside the grid [{self.nodes[0]}, {self.nodes[-1]}]; widen it")
        return i

    def loss(self, x) -> float:
        return float(self.values[self.index(x)])

    def gradient(self, x):
        return np.reshape(self.slope(float(np.reshape(x, ()))), (1,))

    def nearest_minimiser(self, x):
        return self.solution

    def distance(self, x) -> float:
        return float(np.abs(np.reshape(x, ()) - self.minimiser))

    def gap(self, x) -> float:
        return self.loss(x) - self.min_loss

    def brox(self, x, radius: float) -> BallStep:
        """Grid argmin over the ball; the multiplier is |f'(u)| / t on the boundary and 0 inside."""
        i = self.index(x)
        reach = int(np.floor(radius / (self.nodes[1] - self.nodes[0]) + 1e-6))
        low, high = max(i - reach, 0), min(i + reach, self.nodes.size - 1)
        window = self.values[low : high + 1]
        best = low + np.flatnonzero(window == window.min())
        j = int(best[np.argmin(np.abs(best - i))])
        u = self.nodes[j : j + 1].copy()
        return BallStep(u, float(np.abs(self.gradient(u)[0])) / radius if abs(j - i) == reach else 0.0)

    def envelope(self, radius: float) -> np.ndarray:
        """N(x) = min of f over B(x, t) at every node (windows are cut at the ends of the grid)."""
        from scipy.ndimage import minimum_filter1d

        reach = int(np.floor(radius / (self.nodes[1] - self.nodes[0]) + 1e-6))
        return minimum_filter1d(self.values, 2 * reach + 1, mode="nearest")

    def convex_hull(self) -> "GridFunction":
        """The convex hull of f on the same grid (lower envelope of the graph)."""
        hull = []
        for i in range(self.nodes.size):
            while len(hull) >= 2:
                a, b = hull[-2], hull[-1]
                left = (self.values[b] - self.values[a]) * (self.nodes[i] - self.nodes[a])
                if left >= (self.values[i] - self.values[a]) * (self.nodes[b] - self.nodes[a]):
                    hull.pop()
                else:
                    break
            hull.append(i)
        values = np.interp(self.nodes, self.nodes[hull], self.values[hull])
        knots, slopes = self.nodes[hull], np.diff(self.values[hull]) / np.diff(self.nodes[hull])

        def slope(x):
            j = int(np.clip(np.searchsorted(knots, x, side="right") - 1, 0, slopes.size - 1))
            return slopes[j]

        return GridFunction(self.name + " (convex hull)", self.nodes, values, slope)

    def supported(self, radius: float, points) -> np.ndarray:
        """Does brox of each point u have c >= 0 with f(y) >= f(u) + c (x - u)(y - u) on the grid? (ball-convexity)

        In one variable: u is a global minimiser, or u != x and a global supporting line at u has the sign of x - u.
        """
        verdicts = []
        for x in points:
            u = self.brox(x, radius).point
            i, towards = self.index(u), self.index(x) - self.index(u)
            if self.values[i] <= self.min_loss:
                verdicts.append(True)
                continue
            rise, run = self.values - self.values[i], self.nodes - self.nodes[i]
            lower = np.max(rise[run < 0] / run[run < 0], initial=-np.inf)
            upper = np.min(rise[run > 0] / run[run > 0], initial=np.inf)
            if towards >= 0:
                lower = max(lower, 0.0)
            if towards <= 0:
                upper = min(upper, 0.0)
            verdicts.append(bool(lower <= upper + 1e-3))  # chords of neighbouring nodes are off by O(spacing)
        return np.array(verdicts)


def tilted_double_well() -> GridFunction:
    """(x^2 - 1)^2 + 0.3 x on [-3, 3]."""
    return GridFunction.of(
        "tilted double well", lambda x: (x * x - 1) ** 2 + 0.3 * x, lambda x: 4 * x * (x * x - 1) + 0.3, -3.0, 3.0
    )


def wide_double_well() -> GridFunction:
    """(x^2 - 4)^2 / 8 + x / 2 on [-6, 6]."""
    return GridFunction.of(
        "wide double well", lambda x: (x * x - 4) ** 2 / 8 + x / 2, lambda x: x * (x * x - 4) / 2 + 0.5, -6.0, 6.0
    )


def cosine_bowl() -> GridFunction:
    """x^2 + 3 (1 - cos 4x) on [-6, 6]; the minimiser is 0."""
    return GridFunction.of(
        "cosine bowl", lambda x: x * x + 3 * (1 - np.cos(4 * x)), lambda x: 2 * x + 12 * np.sin(4 * x), -6.0, 6.0
    )


def rippled_modulus() -> GridFunction:
    """|x| + 2 sin^2 3x on [-6, 6]; the minimiser is 0."""
    return GridFunction.of(
        "rippled modulus",
        lambda x: np.abs(x) + 2 * np.sin(3 * x) ** 2,
        lambda x: np.sign(x) + 6 * np.sin(6 * x),
        -6.0,
        6.0,
    )


def symmetric_double_well() -> GridFunction:
    """(x^2 - 1)^2 on [-4, 4]: ball-convex exactly for radii t >= 1."""
    return GridFunction.of("double well", lambda x: (x * x - 1) ** 2, lambda x: 4 * x * (x * x - 1), -4.0, 4.0)


@dataclass(frozen=True)
class BumpyModulus:
    """f(x) = |x| + 3 on the open bumps (a, a + 1/5) + Z/2, |x| elsewhere; minimiser 0. All numbers are Fractions.

    Ball-convex for radii above the bump width 1/5: any point where BPM can stop short of 0 is supported by |x|.
    """

    a: Fraction

    def __post_init__(self):
        if not 0 <= self.a <= Fraction(3, 10):
            raise ValueError("a must lie in [0, 3/10], so that 0 is in no bump")

    def in_bump(self, x: Fraction) -> bool:
        return 0 < (Fraction(x) - self.a) % Fraction(1, 2) < Fraction(1, 5)

    def loss(self, x: Fraction) -> Fraction:
        return abs(x) + (3 if self.in_bump(x) else 0)

    def brox(self, x: Fraction, radius: Fraction) -> Fraction:
        """Exact argmin over [x - t, x + t]: on each piece |x| + const is least at 0 or at an end of the piece."""
        x, radius = Fraction(x), Fraction(radius)
        first = (x - radius - self.a) // Fraction(1, 2)
        last = (x + radius - self.a) // Fraction(1, 2) + 1
        ends = [self.a + Fraction(n, 2) + e for n in range(int(first), int(last) + 1) for e in (0, Fraction(1, 5))]
        candidates = [y for y in [x - radius, x + radius, Fraction(0), *ends] if abs(y - x) <= radius]
        return min(candidates, key=lambda y: (self.loss(y), abs(y - x)))

    def supported(self, x: Fraction, radius: Fraction) -> bool:
        """Does u = brox(x, t) have c >= 0 with f(y) >= f(u) + c (x - u)(y - u) for all y? (ball-convexity at x)

        At u = 0 take c = 0. Elsewhere f >= |.| with f(u) = |u| gives the line of slope sign(u), which must be
        c (x - u); where f(u) > |u| there is no such line.
        """
        u = self.brox(x, radius)
        return u == 0 or (self.loss(u) == abs(u) and (x - u) * u > 0)

    def orbit(self, x0: Fraction, radius: Fraction, steps: int = 1000) -> list[Fraction]:
        """x_0, x_1, ... until 0 is reached or the point no longer moves."""
        points = [Fraction(x0)]
        for _ in range(steps):
            if points[-1] == 0:
                break
            following = self.brox(points[-1], radius)
            if following == points[-1]:
                break
            points.append(following)
        return points
