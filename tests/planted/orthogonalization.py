"""Planted bugs of notebook 06_orthogonalization."""

from fractions import Fraction

import torch

from tests.planted import Bug, scaled
from theorylab.spectral.polynomials import OddQuintic

STEM = "06_orthogonalization"
SPECTRAL, STUDY = "theorylab.spectral.", "theorylab.studies.orthogonalization."


def scaled_fraction(index, factor):
    """One coefficient is off by a factor, as a fraction, wherever the proofs read it."""

    def patch(rational):
        def wrong(polynomial):
            coefficients = list(rational(polynomial))
            coefficients[index] *= Fraction(factor)
            return OddQuintic(*coefficients)

        return wrong

    return patch


def scaled_error(factor):
    """The best polynomial reports an error that is off by a factor."""

    def patch(best_of):
        def wrong(lower, upper=1.0):
            best = best_of(lower, upper)
            return best._replace(error=factor * best.error)

        return wrong

    return patch


def scaled_weight(field, factor):
    """One weight of the Halley iteration is off by a factor."""

    def patch(weights):
        def wrong(lower):
            found = weights(lower)
            return found._replace(**{field: factor * getattr(found, field)})

        return wrong

    return patch


def scaled_steps(factor):
    """The linear coefficient of every greedy step is off by a factor."""

    def patch(greedy):
        def wrong(*args, **kwargs):
            steps = greedy(*args, **kwargs)
            return tuple(s._replace(polynomial=s.polynomial._replace(a=factor * s.polynomial.a)) for s in steps)

        return wrong

    return patch


def scaled_lower(factor):
    """The interval of the greedy composition starts at the wrong place."""

    def patch(greedy):
        return lambda lower, steps, **rest: greedy(factor * lower, steps, **rest)

    return patch


def without_recentring(greedy):
    """Cushioned polynomials are left as they were fitted."""

    def wrong(lower, steps, **rest):
        found = greedy(lower, steps, **rest)
        return tuple(_uncentred(step) for step in found)

    return wrong


def _uncentred(step):
    if step.fitted[0] <= step.carried[0]:
        return step
    a, b, c = step.polynomial
    return step._replace(polynomial=OddQuintic(0.9 * a, 0.9 * b, 0.9 * c))


def one_end_only(image):
    """The image of an interval is taken from its two ends: the critical points inside are forgotten."""

    def wrong(polynomial, box):
        from theorylab.studies.orthogonalization import certified

        values = [certified.evaluate(polynomial, certified.iv.mpf(end)) for end in (box.a, box.b)]
        return certified.iv.mpf([min(v.a for v in values), max(v.b for v in values)])

    return wrong


def dropped_sign(step):
    """The cubic term enters with the wrong sign."""
    return lambda matrix, polynomial, *rest, **named: step(matrix, polynomial._replace(b=-polynomial.b), *rest, **named)


def unscaled(exact_scale):
    """Entries are not brought to order one before they are squared."""
    return lambda matrix: torch.ones_like(exact_scale(matrix))


def gram_in_low_precision(promote):
    """R and Q stay in bfloat16."""
    return lambda first, second: first


def left_out_of_the_batch(orthogonalize):
    """Batches are normalised together."""

    def wrong(G, *args, **kwargs):
        if G.ndim > 2:
            return torch.stack([orthogonalize(G.sum(0), *args, **kwargs)] * len(G))
        return orthogonalize(G, *args, **kwargs)

    return wrong


def scaled_poles(factor):
    """The poles of the Zolotarev function are off by a factor."""

    def patch(rational):
        def wrong(lower, order):
            found = rational(lower, order)
            return found._replace(poles=tuple(factor * pole for pole in found.poles))

        return wrong

    return patch


def restart_forgotten(in_gram_space):
    """Q X is formed twice: the last factor is applied once more."""
    return lambda matrix, polynomials, **rest: in_gram_space(matrix, (*polynomials, polynomials[-1]), **rest)


def flipped(exact_factor):
    """The factor with the wrong sign: orthonormal, and as far away as possible."""
    return lambda matrix: -exact_factor(matrix)


def by_qr(matrix, tolerance):
    """Orthonormal rows, not the nearest ones."""
    from theorylab.studies.orthogonalization.naive import rows_by_qr

    return rows_by_qr(matrix)


def forgetful(start):
    """The identity is not added to the Gram matrix."""
    return lambda matrix, epsilon, shift: start(matrix, epsilon, 0.0)


def later(entry_point):
    """The entry point is found one percent too late."""

    def wrong(*args, **kwargs):
        return tuple(Fraction("1.01") * x for x in entry_point(*args, **kwargs))

    return wrong


def four_steps(listing):
    """The listing makes one step too few."""
    return lambda matrix, *, steps=5, **rest: listing(matrix, steps=steps - 1, **rest)


def unsafe(polynomials_of):
    """The lists of bfloat16 are those of float32: neither cushion nor safety factor."""
    return lambda method, steps, dtype, *rest: polynomials_of(method, steps, torch.float32, *rest)


PROOFS = STUDY + "certified:rational"
GREEDY = SPECTRAL + "polar_express:greedy"
LEMMA = ("OR-05c", "OR-06", "OR-07", "OR-09", "OR-10")

BUGS = [
    Bug("a +1 % in the proofs", PROOFS, scaled_fraction(0, "1.01"), (*LEMMA,)),
    Bug("a -1 % in the proofs", PROOFS, scaled_fraction(0, "0.99"), (*LEMMA, "OR-05")),
    Bug("b +1 % in the proofs", PROOFS, scaled_fraction(1, "1.01"), ("OR-07", "OR-08", "OR-10")),
    Bug("b -1 % in the proofs", PROOFS, scaled_fraction(1, "0.99"), ("OR-07", "OR-08", "OR-10")),
    Bug("c +1 % in the proofs", PROOFS, scaled_fraction(2, "1.01"), ("OR-07", "OR-08", "OR-10")),
    Bug("c -1 % in the proofs", PROOFS, scaled_fraction(2, "0.99"), ("OR-07", "OR-08", "OR-10")),
    Bug("critical points forgotten", STUDY + "certified:image", one_end_only, ("OR-07", "OR-10")),
    Bug("greedy steps +1 %", GREEDY, scaled_steps(1.01), ("OR-12", "OR-13", "OR-14", "OR-15")),
    Bug("greedy steps -1 %", GREEDY, scaled_steps(0.99), ("OR-12", "OR-13", "OR-14", "OR-15")),
    Bug("greedy interval +1 %", GREEDY, scaled_lower(1.01), ("OR-12", "OR-13")),
    Bug("greedy interval -1 %", GREEDY, scaled_lower(0.99), ("OR-12", "OR-13")),
    Bug("cushion without recentring", GREEDY, without_recentring, ("OR-13",)),
    Bug("cushion +1 %", SPECTRAL + "polar_express:paper_cushion", scaled(1.01), ("OR-13",)),
    Bug("cushion -1 %", SPECTRAL + "polar_express:paper_cushion", scaled(0.99), ("OR-13",)),
    Bug("dropped sign of the cubic term", SPECTRAL + "iteration:step", dropped_sign, ("OR-02", "OR-19")),
    Bug("norm +1 %", SPECTRAL + "iteration:frobenius", scaled(1.01), ("OR-04", "OR-19")),
    Bug("norm -1 %", SPECTRAL + "iteration:frobenius", scaled(0.99), ("OR-04", "OR-19")),
    Bug("squares of unscaled entries", SPECTRAL + "iteration:exact_scale", unscaled, ("OR-04", "OR-20")),
    Bug("R and Q in bfloat16", "torch:promote_types", gram_in_low_precision, ("OR-19",)),
    Bug("one Gram step too many", SPECTRAL + "iteration:in_gram_space", restart_forgotten, ("OR-19",)),
    Bug("operations +1 %", STUDY + "operation_count:products", scaled(1.01), ("OR-19",)),
    Bug("operations -1 %", STUDY + "operation_count:products", scaled(0.99), ("OR-19",)),
    Bug("batches mixed", "theorylab.spectral:orthogonalize", left_out_of_the_batch, ("OR-20",)),
    Bug("Halley weight a +1 %", SPECTRAL + "qdwh:weights", scaled_weight("a", 1.01), ("OR-16", "OR-17", "OR-18")),
    Bug("Halley weight a -1 %", SPECTRAL + "qdwh:weights", scaled_weight("a", 0.99), ("OR-17",)),
    Bug("Halley step +1 %", SPECTRAL + "qdwh:step", scaled(1.01), ("OR-16", "OR-18")),
    Bug("Halley step -1 %", SPECTRAL + "qdwh:step", scaled(0.99), ("OR-16", "OR-18")),
    Bug("Zolotarev poles +1 %", SPECTRAL + "zolotarev:rational", scaled_poles(1.01), ("OR-17",)),
    Bug("Zolotarev poles -1 %", SPECTRAL + "zolotarev:rational", scaled_poles(0.99), ("OR-17",)),
    Bug("exact factor with the wrong sign", STUDY + "accuracy:exact_factor", flipped, ("OR-16", "OR-18")),
    Bug("error of the best quintic +1 %", SPECTRAL + "minimax:best_quintic", scaled_error(1.01), ("OR-11",)),
    Bug("error of the best quintic -1 %", SPECTRAL + "minimax:best_quintic", scaled_error(0.99), ("OR-11",)),
    Bug("error of the best cubic +1 %", SPECTRAL + "minimax:best_cubic", scaled_error(1.01), ("OR-11",)),
    Bug("slopes in the proofs +1 %", STUDY + "certified:derivative", scaled(Fraction("1.01")), ("OR-10",)),
    Bug("entry point 1 % late", STUDY + "certified:entry_point", later, ("OR-09",)),
    Bug("identity not added to the Gram matrix", STUDY + "naive:_gram_start", forgetful, ("OR-19",)),
    Bug("listing with four steps", STUDY + "naive:printed_listing", four_steps, ("OR-04",)),
    Bug("small directions declared null", SPECTRAL + "orthogonalize:default_tolerance", scaled(1e4), ("OR-20",)),
    Bug("lists without safety in bfloat16", SPECTRAL + "orthogonalize:polynomials_of", unsafe, ("OR-20",)),
    Bug("lower end after an iteration +1 %", SPECTRAL + "zolotarev:advance", scaled(1.01), ("OR-17",)),
    Bug("orders in too few steps", STUDY + "many_digits:order", scaled(0.97), ("OR-03",)),
    Bug("QR in place of the polar factor", SPECTRAL + "orthogonalize:by_svd", lambda by_svd: by_qr, ("OR-01",)),
]
