"""Curvature functions H(r) of the isotropic curvature model, with their first two derivatives.

A curvature is super-quadratic when x -> H(sqrt(x)) is convex and sub-quadratic when it is concave.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit


@dataclass(frozen=True)
class Curvature:
    """H with H(0) = 0: `value` is H, `slope` is H', `bend` is H''; all act on arrays of radii r > 0."""

    name: str
    value: Callable
    slope: Callable
    bend: Callable


def power(exponent, factor=1.0):
    """H(r) = factor * r^exponent."""
    p, c = exponent, factor
    return Curvature(
        f"r^{p:g}",
        lambda r: c * r**p,
        lambda r: c * p * r ** (p - 1),
        lambda r: c * p * (p - 1) * r ** (p - 2),
    )


def add(first, second):
    """The sum of two curvatures."""
    return Curvature(
        f"{first.name} + {second.name}",
        lambda r: first.value(r) + second.value(r),
        lambda r: first.slope(r) + second.slope(r),
        lambda r: first.bend(r) + second.bend(r),
    )


def gaussian_well():
    """H(r) = exp(r^2) - 1, super-quadratic."""
    return Curvature(
        "exp(r^2) - 1",
        lambda r: np.expm1(r**2),
        lambda r: 2 * r * np.exp(r**2),
        lambda r: (2 + 4 * r**2) * np.exp(r**2),
    )


def hyperbolic_cosine():
    """H(r) = cosh(r) - 1, super-quadratic."""
    return Curvature("cosh r - 1", lambda r: 2 * np.sinh(r / 2) ** 2, np.sinh, np.cosh)


def pseudo_huber():
    """H(r) = sqrt(1 + r^2) - 1, sub-quadratic and convex, with slope below 1."""
    return Curvature(
        "sqrt(1 + r^2) - 1",
        lambda r: r**2 / (np.sqrt(1 + r**2) + 1),
        lambda r: r / np.sqrt(1 + r**2),
        lambda r: (1 + r**2) ** -1.5,
    )


def rational():
    """H(r) = r^2 / (1 + r), sub-quadratic and convex, with slope below 1."""
    return Curvature(
        "r^2 / (1 + r)",
        lambda r: r**2 / (1 + r),
        lambda r: r * (2 + r) / (1 + r) ** 2,
        lambda r: 2 / (1 + r) ** 3,
    )


def log_cosh():
    """H(r) = log cosh r, sub-quadratic and convex, with slope below 1."""
    return Curvature(
        "log cosh r",
        lambda r: r + np.log1p(np.exp(-2 * r)) - np.log(2),
        np.tanh,
        lambda r: 1 - np.tanh(r) ** 2,
    )


def log_linear():
    """H(r) = r log(1 + r): sub-quadratic and convex, barely superlinear."""
    return Curvature(
        "r log(1 + r)",
        lambda r: r * np.log1p(r),
        lambda r: np.log1p(r) + r / (1 + r),
        lambda r: 1 / (1 + r) + 1 / (1 + r) ** 2,
    )


def ripple():
    """H(r) = r^2 + sin(5 r): increasing only on average and not convex; used as a counterexample."""
    return Curvature(
        "r^2 + sin 5r",
        lambda r: r**2 + np.sin(5 * r),
        lambda r: 2 * r + 5 * np.cos(5 * r),
        lambda r: 2 - 25 * np.sin(5 * r),
    )


def plateau(height, order):
    """H(r) = r^2 (1 + height * z), z = r^(2 order) / (1 + r^(2 order)): H / r^2 rises from 1 to 1 + height.

    d/dx H(sqrt(x)) = 1 + height * (z + order * z * (1 - z)); this is monotone in x exactly when order <= 1.
    """
    kappa, m = height, order

    def z_of(r):
        return expit(2 * m * np.log(r))

    def slope(r):
        z = z_of(r)
        return 2 * r * (1 + kappa * (z + m * z * (1 - z)))

    def bend(r):
        z = z_of(r)
        growth = 2 * m * z * (1 - z)  # r dz/dr
        return 2 * (1 + kappa * (z + m * z * (1 - z))) + 2 * kappa * growth * (1 + m * (1 - 2 * z))

    return Curvature(f"plateau {kappa:g}, order {m:g}", lambda r: r**2 * (1 + kappa * z_of(r)), slope, bend)


def smoothed_kink(below, above, radius, width):
    """H with H'(r) = below + (above - below) * sigmoid((r - radius) / width): the kink, rounded over `width`."""
    if width <= 0:
        raise ValueError(
            f"width must be positive, got {width}; a sharp kink is theorylab.studies.isotropic_curvature.kink.Kink"
        )
    jump = above - below

    def soft_step(r):
        return width * (np.logaddexp(0, (r - radius) / width) - np.logaddexp(0, -radius / width))

    return Curvature(
        f"kink of width {width:g}",
        lambda r: below * r + jump * soft_step(r),
        lambda r: below + jump * expit((r - radius) / width),
        lambda r: jump / width * expit((r - radius) / width) * expit((radius - r) / width),
    )
