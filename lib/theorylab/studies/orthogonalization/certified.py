"""Proofs about compositions of odd quintics on intervals of singular values, in interval and rational arithmetic.

The image of an interval under a polynomial is spanned by its values at the ends and at the critical points inside.
Carrying the exact image from step to step therefore encloses the range of a composition without subdividing: one box
replaces the tens of thousands that naive interval evaluation needs. All enclosures are rounded outwards. Coefficients
are taken as the decimal numbers that are printed, not as the nearest doubles.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from mpmath.ctx_iv import MPIntervalContext

from theorylab.spectral.polynomials import OddQuintic, compose

DIGITS = 60
# A context of its own: the precision of mpmath's global one belongs to the caller.
iv = MPIntervalContext()
iv.dps = DIGITS


def rational(polynomial: OddQuintic) -> OddQuintic:
    """The polynomial with its shortest decimal coefficients as fractions: 3.4445 becomes 34445/10000."""
    return OddQuintic(*(Fraction(repr(float(c))) for c in polynomial))


def enclose(value):
    """Interval around a number or a fraction; floats are read as the decimal they print as."""
    if isinstance(value, float):
        value = Fraction(repr(value))
    if isinstance(value, Fraction):
        return iv.mpf(value.numerator) / iv.mpf(value.denominator)
    return iv.mpf(value)


def between(low, high):
    """Smallest interval that contains the enclosures of both numbers."""
    return iv.mpf([enclose(low).a, enclose(high).b])


def contains(outer, inner) -> bool:
    """Whether the interval ``inner`` certainly lies in ``outer``."""
    return bool(outer.a <= inner.a and inner.b <= outer.b)


def ends(box) -> tuple[float, float]:
    """Both ends of an interval as floats, for tables and figures."""
    return float(box.a), float(box.b)


def evaluate(polynomial: OddQuintic, x):
    """Enclosure of a x + b x^3 + c x^5 on the interval ``x`` by Horner's rule: sharp only for very short ones."""
    a, b, c = (enclose(value) for value in rational(polynomial))
    square = x * x
    return x * (a + square * (b + square * c))


def derivative(polynomial: OddQuintic, x):
    """Enclosure of a + 3 b x^2 + 5 c x^4 on a short interval."""
    a, b, c = (enclose(value) for value in rational(polynomial))
    square = x * x
    return a + square * (3 * b + 5 * c * square)


def critical_points(polynomial: OddQuintic) -> tuple:
    """Enclosures of the positive zeros of a + 3 b x^2 + 5 c x^4, increasing; both must exist.

    Raises ValueError for a polynomial without two positive critical points.
    """
    a, b, c = (enclose(value) for value in rational(polynomial))
    discriminant = 9 * b * b - 20 * a * c
    if not (discriminant.a > 0 and b.b < 0 < c.a and a.a > 0):
        raise ValueError(f"two positive critical points are needed, {tuple(polynomial)} has none or one")
    root = iv.sqrt(discriminant)
    return tuple(iv.sqrt((-3 * b + sign * root) / (10 * c)) for sign in (-1, 1))


def fixed_points(polynomial: OddQuintic) -> tuple:
    """Enclosures of the two positive solutions of a + b x^2 + c x^4 = 1, increasing."""
    a, b, c = (enclose(value) for value in rational(polynomial))
    root = iv.sqrt(b * b - 4 * c * (a - 1))
    return tuple(iv.sqrt((-b + sign * root) / (2 * c)) for sign in (-1, 1))


class Cycle(NamedTuple):
    """Enclosures of the ``points`` of a cycle of p, each mapped to the next, and of the ``multiplier``, the slope of
    one turn: below one in modulus the cycle attracts."""

    points: tuple
    multiplier: object


def cycle(polynomial: OddQuintic, near: float, length: int, *, width: float = 1e-9) -> Cycle:
    """The cycle of the given ``length`` through a point within ``width`` of ``near``.

    Proof by Newton's interval operator: N(X) = m - g(m)/g'(X), g the ``length``-fold p less x, m the middle of X. If
    N(X) lies in X, X holds exactly one zero of g. Raises ArithmeticError when it does not, or when the zero belongs to
    a shorter cycle.
    """
    box = between(near - width, near + width)
    for turn in range(4):  # the width is squared each time
        middle = iv.mpf(box.mid)
        value = middle
        for _ in range(length):
            value = evaluate(polynomial, value)
        newton = middle - (value - middle) / (_turn(polynomial, box, length)[1] - 1)
        if turn == 0 and not contains(box, newton):
            raise ArithmeticError(f"no cycle of length {length} was found within {width} of {near}")
        box = newton  # holds every zero of X
    points, multiplier = _turn(polynomial, box, length)
    if any(x.a <= points[0].b and points[0].a <= x.b for x in points[1:]):
        raise ArithmeticError(f"the orbit of {near} closes before {length} steps")
    return Cycle(tuple(points), multiplier)


def _turn(polynomial: OddQuintic, box, length: int):
    """The images of a short interval during one turn, itself first, and the slope of the turn on it."""
    points, slope = [], iv.mpf(1)
    for _ in range(length):
        points.append(box)
        slope *= derivative(polynomial, box)
        box = evaluate(polynomial, box)
    return points, slope


def image(polynomial: OddQuintic, box):
    """Enclosure, sharp to the working precision, of the image of the interval ``box`` >= 0."""
    points = [iv.mpf(box.a), iv.mpf(box.b)]
    # A critical point that may lie inside is counted as inside: the enclosure stays one.
    points += [x for x in critical_points(polynomial) if not (x.b < box.a or x.a > box.b)]
    values = [evaluate(polynomial, x) for x in points]
    return iv.mpf([min(v.a for v in values), max(v.b for v in values)])


def images(polynomials: Sequence[OddQuintic], box) -> list:
    """``box`` and its images after each step."""
    found = [box]
    for polynomial in polynomials:
        found.append(image(polynomial, found[-1]))
    return found


def exact(polynomials: Sequence[OddQuintic], x: Fraction) -> Fraction:
    """The composition at a rational point, exactly."""
    return compose([rational(polynomial) for polynomial in polynomials], x)


def gain_limit(polynomial: OddQuintic):
    """Enclosure of sqrt(-b/(2c)): p(x)/x = a + b x^2 + c x^4 decreases strictly on [0, this] and increases beyond."""
    _, b, c = (enclose(value) for value in rational(polynomial))
    return iv.sqrt(-b / (2 * c))


def gain_decreases(polynomials: Sequence[OddQuintic], high) -> bool:
    """Proof that (composition at x)/x decreases strictly on (0, high].

    The ratio is the product of the gains p(x_k)/x_k along the orbit; each factor decreases in x when x_k increases with
    x, that is when x_0, ..., x_{k-1} stay below the first critical points, and x_k stays below ``gain_limit``.
    """
    orbit = images(polynomials, between(0, high))
    rising = all(box.b <= critical_points(p)[0].a for p, box in zip(polynomials, orbit[: len(polynomials) - 1]))
    return rising and all(box.b <= gain_limit(p).a for p, box in zip(polynomials, orbit))


def bisect(holds, low: Fraction, high: Fraction, *, digits: int = 30) -> tuple[Fraction, Fraction]:
    """(x, y), y - x <= 10^-digits, with ``holds`` false at x and true at y, from a bracket with that property.

    Raises ValueError when the bracket does not have it.
    """
    if holds(low) or not holds(high):
        raise ValueError(f"holds must be false at low = {float(low):g} and true at high = {float(high):g}")
    while high - low > Fraction(1, 10**digits):
        middle = (low + high) / 2
        # Short decimals keep the rational evaluations of the certificate short.
        middle = Fraction(round(middle * 10 ** (digits + 3)), 10 ** (digits + 3))
        low, high = (low, middle) if holds(middle) else (middle, high)
    return low, high


def entry_point(polynomials: Sequence[OddQuintic], target, high, *, start: Fraction, digits: int = 30):
    """(x, y), y - x <= 10^-digits: the composition maps [y, high] into ``target`` (proved), and x out of it (exactly).

    ``start`` is any point that is mapped below the target. Raises ArithmeticError when the value at x is not outside.
    """

    def enters(x: Fraction) -> bool:
        return contains(target, images(polynomials, between(x, high))[-1])

    low, high_ = bisect(enters, start, Fraction(high), digits=digits)
    if contains(target, images(polynomials, enclose(low))[-1]):
        raise ArithmeticError(f"[{float(low)}, high] leaves the target at a point other than its left end")
    return low, high_
