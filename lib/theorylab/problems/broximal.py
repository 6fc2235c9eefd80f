"""What a problem must answer for ball-constrained methods, and how a broximal operator is computed exactly.

``brox(x, t)`` minimises f over the closed ball B(x, t) (Def. 1.1 of arXiv 2502.02002) and returns the point u together
with the multiplier c of the ball: c (x - u) is a subgradient of f at u, and c = 0 exactly when the ball holds a
minimiser of f (Second Brox Theorem).
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq


class BallStep(NamedTuple):
    """``point`` u of the ball, shape (d,), and ``multiplier`` c >= 0 with c (x - u) in the subdifferential at u."""

    point: np.ndarray
    multiplier: float


class BallProblem:
    """A convex function with everything that the theorems mention; families fill in the blanks.

    A family supplies ``loss(x)``, ``gradient(x)`` (a subgradient where f has a kink), ``brox(x, radius)``, ``solution``
    (one minimiser), ``min_loss`` and ``smooth`` (is f differentiable outside Argmin f?). Points have shape (d,).
    """

    min_loss: float = 0.0
    smooth: bool = False

    def nearest_minimiser(self, x):
        """Point of Argmin f nearest to x; here Argmin f is the single point ``solution``."""
        return self.solution

    def distance(self, x) -> float:
        """Euclidean distance from x to Argmin f."""
        return float(np.linalg.norm(x - self.nearest_minimiser(x)))

    def gap(self, x) -> float:
        """f(x) - min f."""
        return float(self.loss(x) - self.min_loss)

    def shortest_subgradient(self, x):
        """The subgradient of least norm at x; here ``gradient``, which families without kinks need no better."""
        return self.gradient(x)

    def start(self, radius: float, generator) -> np.ndarray:
        """Random point at distance ``radius`` from Argmin f."""
        if not radius > 0:
            raise ValueError(
                f"radius must be positive, got {radius}: it is the distance of the start from the solution"
            )
        direction = self.outward(generator.standard_normal(self.solution.size))
        return self.solution + radius * direction / np.linalg.norm(direction)

    def outward(self, direction):
        """Part of ``direction`` along which the nearest minimiser stays ``solution``; all of it for one minimiser."""
        return direction


def check_ball(x, radius: float) -> np.ndarray:
    """x as a float array; raises ValueError unless x is finite and the radius positive and finite."""
    x = np.asarray(x, dtype=float)
    if not np.all(np.isfinite(x)):
        raise ValueError("x must be finite: a ball needs a centre in the domain of f")
    if not (radius > 0 and np.isfinite(radius)):
        raise ValueError(f"radius must be positive and finite, got {radius}")
    return x


def newton_prox(gradient, hessian, x, c: float, u) -> np.ndarray:
    """argmin f(u) + c/2 |u - x|^2 by damped Newton from ``u``: the proximal point with gamma = 1/c.

    The gradient norm of this strongly convex function is the merit: Newton directions always descend on it.
    Raises RuntimeError if no step reduces it although it is above rounding level.
    """
    residual = gradient(u) + c * (u - x)
    scale = np.linalg.norm(gradient(x)) + c * np.linalg.norm(x)
    for _ in range(200):
        size = np.linalg.norm(residual)
        if size == 0.0:
            return u
        step = np.linalg.solve(hessian(u) + c * np.eye(x.size), residual)
        damping = 1.0
        while True:
            trial = u - damping * step
            trial_residual = gradient(trial) + c * (trial - x)
            if np.linalg.norm(trial_residual) < (1.0 - 0.1 * damping) * size:
                break
            damping *= 0.5
            if damping < 1e-3:  # no progress left: rounding level, or a defect of the Hessian
                if size <= 1e-12 * max(scale, size * 1e-6):
                    return u
                raise RuntimeError(f"Newton stalled at residual {size:.1e}; check gradient and hessian")
        u, residual = trial, trial_residual
    raise RuntimeError("Newton did not converge in 200 steps; check gradient and hessian")


def brox_by_newton(gradient, hessian, solution, x, radius: float) -> BallStep:
    """Broximal point of a strictly convex twice differentiable f through the multiplier of the ball.

    |u(c) - x| decreases in c, where u(c) is the proximal point with gamma = 1/c; its root in log c at ``radius`` is
    bracketed above by |grad f(x)| / t. A few Newton steps on the KKT system of (u, c) remove what the root finder
    leaves. By construction this is a proximal point: it cannot serve as evidence for BP-12.
    """
    x = check_ball(x, radius)
    if np.linalg.norm(x - solution) <= radius:
        return BallStep(solution.copy(), 0.0)
    warm = x

    def excess(log_c):
        nonlocal warm
        warm = newton_prox(gradient, hessian, x, np.exp(log_c), warm)
        return np.linalg.norm(warm - x) / radius - 1.0

    upper = np.log(np.linalg.norm(gradient(x)) / radius)
    lower = upper - 1.0
    while excess(lower) <= 0.0:
        lower -= 2.0
    if excess(upper) >= 0.0:  # gradient constant along the step, up to rounding
        upper += 1e-6
    c = float(np.exp(brentq(excess, lower, upper, xtol=1e-13, rtol=1e-13)))
    return polish(gradient, hessian, x, radius, warm, c)


def polish(gradient, hessian, x, radius: float, u, c: float, steps: int = 4) -> BallStep:
    """Newton on grad f(u) + c (u - x) = 0, |u - x|^2 = t^2; keeps the best pair, so it never makes things worse."""

    def residual(u, c):
        slope = gradient(u)
        stationarity = np.linalg.norm(slope + c * (u - x)) / np.linalg.norm(slope)
        return max(stationarity, abs(np.linalg.norm(u - x) / radius - 1.0))

    best, best_residual = (u, c), residual(u, c)
    d = x.size
    for _ in range(steps):
        # Unknowns (du, dc / c): scaling by c keeps the bordered matrix well conditioned when c is tiny.
        matrix = np.zeros((d + 1, d + 1))
        matrix[:d, :d] = hessian(u) / c + np.eye(d)
        matrix[:d, d] = u - x
        matrix[d, :d] = u - x
        right = np.append(-(gradient(u) / c + (u - x)), 0.5 * (radius**2 - (u - x) @ (u - x)))
        step = np.linalg.solve(matrix, right)
        u, c = u + step[:d], c * (1.0 + step[d])
        if not c > 0:
            break
        now = residual(u, c)
        if now < best_residual:
            best, best_residual = (u, c), now
    return BallStep(best[0], float(best[1]))


def brox_by_prox(prox, x, radius: float) -> BallStep:
    """Broximal point of f from its proximal operator ``prox(x, gamma)``: the gamma with |prox(x, gamma) - x| = t.

    |prox(x, gamma) - x| is nondecreasing in gamma; c = 1/gamma. Call it only when the ball holds no minimiser:
    otherwise the length t is never reached and it raises ValueError.
    """
    x = check_ball(x, radius)

    def excess(log_gamma):
        return np.linalg.norm(prox(x, np.exp(log_gamma)) - x) / radius - 1.0

    lower = upper = 0.0
    while excess(lower) > 0.0:
        lower -= 2.0
    while excess(upper) < 0.0:
        upper += 2.0
        if upper > 200.0:
            raise ValueError("the ball holds a minimiser of f: no gamma gives a step of length t; test for it first")
    if lower == upper:
        return BallStep(prox(x, 1.0), 1.0)
    gamma = float(np.exp(brentq(excess, lower, upper, xtol=1e-15, rtol=1e-15)))
    return BallStep(prox(x, gamma), 1.0 / gamma)


def brox_by_projected_gradient(gradient, lipschitz: float, x, radius: float, steps: int = 20000) -> np.ndarray:
    """Minimiser of a smooth f over B(x, t) by accelerated projected gradient with restart; forms no multiplier.

    The independent route for BP-03 and BP-12: it knows neither the minimiser, nor c, nor gamma. ``lipschitz`` bounds
    the gradient's Lipschitz constant on the ball. Stops when a projected step no longer moves the point.
    """
    x = check_ball(x, radius)
    y = previous = x
    momentum = 1.0
    still = 0
    for _ in range(steps):
        trial = y - gradient(y) / lipschitz
        offset = trial - x
        length = np.linalg.norm(offset)
        point = trial if length <= radius else x + offset * (radius / length)
        if (y - point) @ (point - previous) > 0.0:  # gradient restart of O'Donoghue and Candes (2015)
            momentum = 1.0
        following = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
        y = point + (momentum - 1.0) / following * (point - previous)
        still = still + 1 if np.linalg.norm(point - previous) <= 1e-16 * (radius + np.linalg.norm(x)) else 0
        previous, momentum = point, following
        if still >= 3:
            break
    return previous
