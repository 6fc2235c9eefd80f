"""The Newton-Schulz family: odd polynomials a x + b x^3 + c x^5 composed a few times, acting on singular values.

On a matrix one step is X <- a X + b (X X^T) X + c (X X^T)^2 X, which maps every singular value by the same polynomial
and leaves the singular vectors alone.
"""

from typing import NamedTuple

import numpy as np


class OddQuintic(NamedTuple):
    """Coefficients of a x + b x^3 + c x^5."""

    a: float
    b: float
    c: float


# K. Jordan, "Muon: an optimizer for hidden layers in neural networks" (blog post, 8 December 2024): used five times.
JORDAN = OddQuintic(3.4445, -4.7750, 2.0315)
# Classical Newton-Schulz iterations of order three and five: the Taylor sections of x (1 - (1 - x^2))^(-1/2).
CUBIC = OddQuintic(3 / 2, -1 / 2, 0.0)
QUINTIC = OddQuintic(15 / 8, -10 / 8, 3 / 8)


def evaluate(polynomial, x):
    """a x + b x^3 + c x^5, elementwise."""
    a, b, c = polynomial
    square = np.square(x)
    return x * (a + square * (b + square * c))


def compose(polynomials, x):
    """The polynomials applied one after the other, the first one first."""
    for polynomial in polynomials:
        x = evaluate(polynomial, x)
    return x


def spectrum_map(sigma, polynomials=(JORDAN,) * 5):
    """Singular values of the iteration started at X / ||X||_F for X with singular values sigma (..., p)."""
    sigma = np.asarray(sigma, dtype=float)
    return compose(polynomials, sigma / np.linalg.norm(sigma, axis=-1, keepdims=True))


def turning_points(polynomials, low=0.0, high=1.0):
    """Points in (low, high) at which the composition changes between increasing and decreasing, sorted.

    By the chain rule they are the points that some step maps onto a turning point of the next polynomial, so that only
    quartic and quintic equations are solved, one step at a time, instead of one equation of degree 5^steps - 1.
    """
    found = []
    for index in range(len(polynomials)):
        squares = _turning_squares(polynomials[index])
        points = np.sqrt(squares[squares > 0])
        points = np.concatenate([points, -points])
        for before in reversed(polynomials[:index]):
            points = np.concatenate([_preimages(before, y) for y in points]) if len(points) else points
        found.append(points)
    points = np.sort(np.concatenate(found))
    points = points[(points > low) & (points < high)]
    points = points[np.concatenate([[True], np.diff(points) > 1e-12])] if len(points) else points
    middle = np.concatenate([[low], points, [high]])
    middle = 0.5 * (middle[1:] + middle[:-1])
    slope = derivative(polynomials, middle)
    # Preimages of a touching point come in clusters as wide as the rounding of a root; nothing turns within one.
    keep = np.abs(slope) > 1e-9
    sign = np.sign(slope[keep])
    turns = sign[1:] != sign[:-1]
    return points[keep[1:]][-len(turns) :][turns] if len(turns) else points[:0]


def derivative(polynomials, x):
    """Derivative of the composition, by the chain rule."""
    x = np.asarray(x, dtype=float)
    slope = np.ones_like(x)
    for polynomial in polynomials:
        a, b, c = polynomial
        square = x**2
        slope = slope * (a + square * (3 * b + 5 * c * square))
        x = evaluate(polynomial, x)
    return slope


class MapShape(NamedTuple):
    """How a map of singular values in [0, 1] treats pairs: on a grid, and with the worst pair of each kind or None."""

    decreasing_share: float
    maximum: float
    reversed_pair: tuple | None
    enlarged_pair: tuple | None


def map_shape(polynomials, intervals=10**6, tolerance=1e-15):
    """MapShape of the composition on a uniform grid of [0, 1].

    `decreasing_share`: share of grid intervals on which the map falls by more than `tolerance`. `reversed_pair`:
    (x, x') with x < x' and the largest fall y(x) - y(x'). `enlarged_pair`: (x, x') with x < x' whose ratio grows most.
    """
    x = np.linspace(0, 1, intervals + 1)
    y = compose(polynomials, x)
    share = float(np.mean(np.diff(y) < -tolerance))
    return MapShape(share, float(y.max()), _largest_fall(x, y, tolerance), _largest_fall(x[1:], -np.log(y[1:] / x[1:])))


def _largest_fall(x, y, tolerance=1e-12):
    """(x_i, x_j), i < j, with the largest y_i - y_j, or None if no fall exceeds the tolerance."""
    fall = np.maximum.accumulate(y) - y
    j = int(np.argmax(fall))
    if fall[j] <= tolerance:
        return None
    return float(x[int(np.argmax(y[: j + 1]))]), float(x[j])


def _turning_squares(polynomial):
    """Simple real roots x^2 of the derivative a + 3b x^2 + 5c x^4; at a double root nothing turns."""
    a, b, c = polynomial
    if c == 0:
        return np.array([-a / (3 * b)])
    discriminant = 9 * b**2 - 20 * a * c
    if discriminant <= 1e-12 * 9 * b**2:
        return np.array([])
    return (-3 * b + np.array([-1, 1]) * np.sqrt(discriminant)) / (10 * c)


def _preimages(polynomial, y):
    a, b, c = polynomial
    roots = np.roots([c, 0, b, 0, a, -y] if c else [b, 0, a, -y])
    return roots.real[np.abs(roots.imag) < 1e-9]
