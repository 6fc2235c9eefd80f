"""A wide gradient at the kink: two singular values on the sphere of R^3, the radial integral in closed form.

For m < n the length rho = ||(u_1, ..., u_m)|| of the projected input varies, so that ||Qu|| = rho g(theta) meets the
kink with probability zero and the loss is differentiable. Here m = 2, n = 3: rho has the density
rho / sqrt(1 - rho^2) on (0, 1), theta is uniform, g^2 = s_1^2 cos^2 theta + s_2^2 sin^2 theta, and with r_0 = 1

    E[H'(r)/r u_i^2] = E_theta[ c_i^2 / g * (A I(0) + (B - A) I(1/g)) ],   I(a) = int_a^1 rho^2 / sqrt(1 - rho^2) drho,

where c = (cos theta, sin theta). No quadrature node ever has to find the kink.
"""

import math

import numpy as np
from scipy.optimize import brentq, root

# Gauss-Legendre nodes on each side of the angle where g crosses the kink; the integrand is smooth between.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(120)


def mean_projection(m, n):
    """E ||(u_1, ..., u_m)|| for u uniform on the unit sphere of R^n: a quotient of gamma functions."""
    log = math.lgamma((m + 1) / 2) + math.lgamma(n / 2) - math.lgamma(m / 2) - math.lgamma((n + 1) / 2)
    return math.exp(log)


def gradient(s, sigma, kink):
    """Gradient (2,) of the reduced loss at s (2,), 2 x 3, kink at radius one. Raises ValueError for another radius."""
    if kink.radius != 1.0:
        raise ValueError(f"wide works at radius one, got {kink.radius}; rescale s by the radius")
    s = np.asarray(s, dtype=float)
    theta, weights = _angles(s)
    squares = np.stack([np.cos(theta) ** 2, np.sin(theta) ** 2])
    g = np.sqrt(s**2 @ squares)
    radial = kink.below * _tail(0.0) + (kink.above - kink.below) * _tail(1 / g)
    return s * (squares @ (weights * radial / g)) - np.asarray(sigma, dtype=float)


def minimise(sigma, kink, start=(1.05, 0.99)):
    """Minimiser s (2,) of the kinked model for a 2 x 3 gradient with singular values sigma (2,).

    Raises RuntimeError when the equations are not solved to 1e-9 of the slope above the kink.
    """
    found = root(gradient, np.asarray(start, dtype=float), args=(sigma, kink), tol=1e-14)
    residual = float(np.max(np.abs(gradient(found.x, sigma, kink))))
    if residual > 1e-9 * kink.above:
        raise RuntimeError(f"no stationary point from {start} (residual {residual:.1e}); start nearer to it")
    return found.x


def hard_wall(sigma, below):
    """The limit of the minimisers for B -> infinity: s (2,) with s_1 = 1 and s_2 <= 1, for sigma_1 >= sigma_2.

    With a wall at radius one only the slope A = `below` inside is felt. s_2 = 1 exactly when
    A E||(u_1, u_2)|| / 2 <= sigma_2; else s_2 solves the equation of the inner slope. Raises ValueError where sigma_1
    is too small to hold s_1 at the wall.
    """
    second = sigma[1]
    # The inward push on s_1 is A E[rho c_1^2 / g] <= A E rho E|cos theta| = A / 2.
    if sigma[0] < below / 2:
        raise ValueError(f"s_1 sits at the wall for sure when sigma_1 >= A / 2, got sigma_1 = {sigma[0]}, A = {below}")

    def pull(s2):
        theta, weights = _angles(np.array([1.0, s2]))
        g = np.sqrt(np.cos(theta) ** 2 + s2**2 * np.sin(theta) ** 2)
        return below * s2 * np.sum(weights * np.sin(theta) ** 2 / g) * _tail(0.0) - second

    return np.array([1.0, 1.0 if pull(1.0) <= 0 else brentq(pull, 1e-6, 1.0, xtol=1e-14)])


def _tail(a):
    """int_a^1 rho^2 / sqrt(1 - rho^2) drho = (arccos a + a sqrt(1 - a^2)) / 2; zero for a >= 1."""
    a = np.minimum(a, 1.0)
    return 0.5 * (np.arccos(a) + a * np.sqrt(1 - a**2))


def _angles(s):
    """Nodes and weights (adding to one) for theta in (0, pi/2), split where g = 1 and clustered quadratically there."""
    high, low = max(s) ** 2, min(s) ** 2
    half = np.pi / 2
    if not low < 1 < high:
        return half * (_NODES + 1) / 2, _WEIGHTS / 2
    crossing = np.arcsin(np.sqrt((s[0] ** 2 - 1) / (s[0] ** 2 - s[1] ** 2)))
    v, w = (_NODES + 1) / 2, _WEIGHTS / 2
    # The integrand starts like a square root at the crossing; v -> v^2 makes it smooth.
    left, right = crossing - crossing * v**2, crossing + (half - crossing) * v**2
    weights = np.concatenate([crossing * 2 * v * w, (half - crossing) * 2 * v * w]) / half
    return np.concatenate([left, right]), weights
