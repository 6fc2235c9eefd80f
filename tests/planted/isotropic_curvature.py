"""Planted bugs of notebook 02_isotropic_curvature."""

import dataclasses

import numpy as np

from tests.planted import Bug, scaled

STEM = "02_isotropic_curvature"
STUDY = "theorylab.studies.isotropic_curvature"


def scaled_field(field, factor):
    """One field of the result is off by a factor."""

    def patch(function):
        def wrong(*args, **kwargs):
            result = function(*args, **kwargs)
            return result._replace(**{field: factor * getattr(result, field)})

        return wrong

    return patch


def printed_coupling(solve):
    """The quartic system as printed on the slide: S in place of S/2."""
    return lambda sigma, dimension=None, factor=1.0, coupling=0.5: solve(sigma, dimension, factor, 2 * coupling)


def halved_coupling(stationarity):
    """The diagnosis halves D, so that the printed form looks right."""
    return lambda s, sigma, coupling=0.5: stationarity(s, sigma, coupling / 2)


def scaled_right_side(factor):
    """The cubic is solved for a right side that is off by a factor."""

    def patch(cubic_root):
        return lambda p, q: cubic_root(p, factor * q)

    return patch


def lost_two(even_moment):
    """The fourth moment from S^2 + S_4: the term of the slide."""

    def wrong(s, order, dimension=None):
        s = np.asarray(s, dtype=float)
        n = dimension or s.shape[-1]
        if order != 2:
            return even_moment(s, order, dimension)
        return (np.sum(s**2, axis=-1) ** 2 + np.sum(s**4, axis=-1)) / (n * (n + 2))

    return wrong


def reversed_weights(power_weights):
    """Stiffness given to the wrong singular value: the largest one gets that of the smallest."""
    return lambda s, power, dimension=None: power_weights(s, power, dimension)[..., ::-1]


def scaled_exponent(factor):
    """The averages are taken at an exponent that is off by a factor."""

    def patch(power_weights):
        return lambda s, power, dimension=None: power_weights(s, factor * power, dimension)

    return patch


def uneven_weights(octant):
    """Quadrature weights that favour one coordinate by about one percent."""

    def wrong(dimension, order):
        x, w = octant(dimension, order)
        w = w * (1 + 0.02 * (x[:, 0] - 1 / dimension))
        return x, w / w.sum()

    return wrong


def scaled_leading_coefficient(factor):
    """The coefficient of x is off by a factor."""

    def patch(evaluate):
        return lambda polynomial, x: evaluate(polynomial._replace(a=factor * polynomial.a), x)

    return patch


def dropped_sign(evaluate):
    """The cubic term enters with its sign dropped."""
    return lambda polynomial, x: evaluate(polynomial._replace(b=abs(polynomial.b)), x)


def scaled_upper_slope(factor):
    """The slope above the kink is off by a factor."""

    def patch(extreme_points):
        def wrong(directions, kink, x, weights):
            return extreme_points(directions, dataclasses.replace(kink, above=factor * kink.above), x, weights)

        return wrong

    return patch


def swapped_slopes(extreme_points):
    """A where the form is positive and B where it is negative."""

    def wrong(directions, kink, x, weights):
        return extreme_points(-directions, kink, x, weights)

    return wrong


def forgotten_dimension(minimise):
    """The cone program averages over the sphere of the smaller space."""
    return lambda sigma, kink, order=200, dimension=None: minimise(sigma, kink, order)


def moved_kink(factor):
    """The kink of the cone program sits at a radius that is off by a factor."""

    def patch(minimise):
        def wrong(sigma, kink, order=200, dimension=None):
            return minimise(sigma, dataclasses.replace(kink, radius=factor * kink.radius), order, dimension)

        return wrong

    return patch


def forgotten_factor(solve):
    """The factor c of the curvature is ignored."""
    return lambda sigma, power, factor=1.0, **rest: solve(sigma, power, **rest)


def plain_average(remainder):
    """The integral remainder without its weight 1 - t."""
    return lambda loss, W, D, u, order=40, weight=None: remainder(loss, W, D, u, order, lambda t: 1.0)


def root_of_width(minimise):
    """Scaled unknowns divided by the root of the width."""

    def wrong(sigma, kink, widths, order=400):
        return minimise(sigma, kink, widths, order) / np.sqrt(np.asarray(widths))[:, None]

    return wrong


def transposed_loss(loss):
    """The loss of Q^T in place of Q: for square Q the sphere cannot tell, for a wide one it must."""
    return lambda self, Q: loss(self, np.swapaxes(Q, -1, -2))


def enlarged_ratios(minimise):
    """Ratios come out larger than those of the gradient."""

    def wrong(sigma, pieces, x, weights):
        s = minimise(sigma, pieces, x, weights)
        return s * (np.asarray(sigma, dtype=float) / np.max(sigma)) ** 2

    return wrong


def leaking_zeros(minimise):
    """A zero singular value comes out as a thousandth of the largest."""
    return lambda *args: np.maximum(found := minimise(*args), 1e-3 * np.max(found))


def flat_answer(minimise):
    """The tall answer: a flat spectrum whatever the slopes."""
    return lambda sigma, kink, start=(1.05, 0.99): np.ones(2)


def tall_wall(hard_wall):
    """The wall holds every singular value, whatever the inner slope."""
    return lambda sigma, below: np.ones(2)


def half_of_the_weights(smallest_ratio):
    """The linear programme weighs the first half of the nodes twice."""

    def wrong(shape, x, weights):
        doubled = weights * np.where(np.arange(len(weights)) < len(weights) // 2, 2.0, 1.0)
        return smallest_ratio(shape, x, doubled / doubled.sum())

    return wrong


def single_slope(smallest_subgradient):
    """At the kink only the middle of the interval of slopes is allowed."""

    def wrong(sigma, kink, x, weights):
        middle = (kink.below + kink.above) / 2
        return smallest_subgradient(sigma, dataclasses.replace(kink, below=middle - 1e-6, above=middle), x, weights)

    return wrong


def always_attained(minimise):
    """Every minimum is reported as attained."""
    return lambda *args, **kwargs: minimise(*args, **kwargs)._replace(attained=True)


def shifted_plateau(plateau):
    """The plateau sets in with twice the order that was asked for."""
    return lambda height, order: plateau(height, 2 * order)


BUGS = [
    Bug("quartic system as printed", f"{STUDY}.quartic:solve", printed_coupling, ("IC-05c", "IC-07")),
    Bug("diagnosis with half the D", f"{STUDY}.quartic:stationarity", halved_coupling, ("IC-05c",)),
    Bug("cubic right side +1 %", f"{STUDY}.quartic:cubic_root", scaled_right_side(1.01), ("IC-05c",)),
    Bug("cubic right side -1 %", f"{STUDY}.quartic:cubic_root", scaled_right_side(0.99), ("IC-05c",)),
    Bug("fourth moment of the slide", f"{STUDY}.sphere:even_moment", lost_two, ("IC-04",)),
    Bug("moments +1 %", f"{STUDY}.sphere:even_moment", scaled(1.01), ("IC-04",)),
    Bug("moments -1 %", f"{STUDY}.sphere:even_moment", scaled(0.99), ("IC-04",)),
    Bug("stiffness of the wrong index", f"{STUDY}.sphere:power_weights", reversed_weights, ("IC-08", "IC-09")),
    Bug("exponent +1 %", f"{STUDY}.sphere:power_weights", scaled_exponent(1.01), ("IC-09",)),
    Bug("exponent -1 %", f"{STUDY}.sphere:power_weights", scaled_exponent(0.99), ("IC-09",)),
    Bug(
        "stiffness +1 %",
        f"{STUDY}.model:ReducedProblem.stiffness",
        scaled(1.01),
        ("IC-08", "IC-03"),
    ),
    Bug("stiffness -1 %", f"{STUDY}.model:ReducedProblem.stiffness", scaled(0.99), ("IC-08",)),
    Bug("efficiency +1 %", f"{STUDY}.power_curvature:efficiency", scaled(1.01), ("IC-09",)),
    Bug("efficiency -1 %", f"{STUDY}.power_curvature:efficiency", scaled(0.99), ("IC-09",)),
    Bug("quadrature with wrong weights", f"{STUDY}.sphere:octant", uneven_weights, ("IC-10", "IC-15")),
    Bug(
        "Newton-Schulz coefficient +1 %",
        "theorylab.spectral.polynomials:evaluate",
        scaled_leading_coefficient(1.01),
        ("IC-18",),
    ),
    Bug(
        "Newton-Schulz coefficient -1 %",
        "theorylab.spectral.polynomials:evaluate",
        scaled_leading_coefficient(0.99),
        ("IC-18",),
    ),
    Bug("Newton-Schulz sign dropped", "theorylab.spectral.polynomials:evaluate", dropped_sign, ("IC-18",)),
    Bug("slope above the kink +1 %", f"{STUDY}.kink:extreme_points", scaled_upper_slope(1.01), ("IC-13c",)),
    Bug("slope above the kink -1 %", f"{STUDY}.kink:extreme_points", scaled_upper_slope(0.99), ("IC-13c",)),
    Bug("slopes swapped", f"{STUDY}.kink:extreme_points", swapped_slopes, ("IC-13c",)),
    Bug("threshold +1 %", f"{STUDY}.kink:threshold", scaled(1.01), ("IC-14",)),
    Bug("threshold -1 %", f"{STUDY}.kink:threshold", scaled(0.99), ("IC-14",)),
    Bug("wide treated as tall", f"{STUDY}.kink_conic:minimise", forgotten_dimension, ("IC-15", "IC-13")),
    Bug("kink radius +1 %", f"{STUDY}.kink_conic:minimise", moved_kink(1.01), ("IC-15", "IC-13", "IC-13c")),
    Bug("kink radius -1 %", f"{STUDY}.kink_conic:minimise", moved_kink(0.99), ("IC-15", "IC-13", "IC-13c")),
    Bug("wide optimum flat", f"{STUDY}.wide:minimise", flat_answer, ("IC-15",)),
    Bug("wide gradient +1 %", f"{STUDY}.wide:gradient", scaled(1.01), ("IC-15",)),
    Bug("wall that always holds", f"{STUDY}.wide:hard_wall", tall_wall, ("IC-15",)),
    Bug("closed slack +1 %", f"{STUDY}.kink:slack_in_the_plane", scaled(1.01), ("IC-13c",)),
    Bug("programme with wrong weights", f"{STUDY}.kink_conic:smallest_ratio", half_of_the_weights, ("IC-14",)),
    Bug("threshold in the limit +1 %", f"{STUDY}.kink:threshold_in_the_limit", scaled(1.01), ("IC-14",)),
    Bug("ratios enlarged at a kink", f"{STUDY}.in_squares:minimise", enlarged_ratios, ("IC-08",)),
    Bug("zeros leak", f"{STUDY}.in_squares:minimise", leaking_zeros, ("IC-08",)),
    Bug("loss of the transpose", f"{STUDY}.model:MatrixModel.loss", transposed_loss, ("IC-03",)),
    Bug("one slope only at the kink", f"{STUDY}.kink:smallest_subgradient", single_slope, ("IC-16",)),
    Bug("divergence not reported", f"{STUDY}.model:minimise", always_attained, ("IC-24",)),
    Bug("plateau of twice the order", f"{STUDY}.curvature:plateau", shifted_plateau, ("IC-20",)),
    Bug("weakest stiffness first", f"{STUDY}.sphere:power_weights", reversed_weights, ("IC-23", "IC-11")),
    Bug("curvature factor forgotten", f"{STUDY}.power_curvature:solve", forgotten_factor, ("IC-12",)),
    Bug("remainder without its weight", f"{STUDY}.taylor:remainder", plain_average, ("IC-01",)),
    Bug("wrong power of the width", f"{STUDY}.smoothed_kink:minimise", root_of_width, ("IC-17",)),
]
