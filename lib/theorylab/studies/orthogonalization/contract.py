"""What every method of ``orthogonalize`` promises, measured on one matrix: each promise as a share of its tolerance."""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from theorylab.random import torch_generator
from theorylab.studies.orthogonalization import naive
from theorylab.studies.orthogonalization.accuracy import exact_factor
from theorylab.studies.orthogonalization.prescribed import log_uniform, with_spectrum

# Rounding of the dtype times the condition number (10) and the largest slope of a composition (a few hundred); in
# bfloat16 that is no bound at all, and 0.3, the half-width of the band in which the polynomials leave their values, is.
TOLERANCE = {torch.float64: 1e-11, torch.float32: 2e-3, torch.bfloat16: 0.3}
# The widest band around one that a method leaves: Jordan's polynomial goes 0.32 below and 0.20 above, CANS 0.3 both
# ways. Rounding to bfloat16 adds its unit roundoff, 2^-8, times the sum of the coefficients of the
# steepest step, 49: 0.2.
BAND, BAND_ROUNDING = 0.32, {torch.float64: 1e-11, torch.float32: 2e-3, torch.bfloat16: 0.2}
# Powers of two next to 1e-30, 1e-12, 1e12 and 1e30: the scaled input is the same number in every dtype.
SCALES = tuple(2.0**exponent for exponent in (-100, -40, 40, 100))
# A promise that is broken outright: far above 1, and finite so that a check can read it.
BROKEN = 1e9


def _distance(first: Tensor, second: Tensor) -> float:
    """Largest ||A - B||_F / sqrt(rank) of the batch over the tolerance of the dtype; BROKEN when not finite."""
    if first.shape != second.shape or not torch.isfinite(first).all():
        return BROKEN
    difference = torch.linalg.matrix_norm(first.double() - second.double()).max()
    return min(float(difference) / math.sqrt(min(first.shape[-2:])) / TOLERANCE[first.dtype], BROKEN)


def _holds(answer: bool) -> float:
    return 0.0 if answer else BROKEN


def _rotation(size: int, dtype: torch.dtype, seed: int, *purpose) -> Tensor:
    """A random orthogonal matrix; in bfloat16 a signed permutation, which rounds nothing."""
    stream = torch_generator(seed, "rotation", size, *purpose)
    gaussian = torch.randn(size, size, generator=stream, dtype=torch.float64)
    if dtype != torch.bfloat16:
        return exact_factor(gaussian)
    order = torch.randperm(size, generator=stream)
    return torch.diag(gaussian.diagonal().sign())[order]


def _refuses(function: Callable, matrix: Tensor, bad: float) -> bool:
    spoiled = matrix.clone()
    spoiled[..., 0, -1] = bad
    try:
        function(spoiled)
    except ValueError as error:
        return "NaN or infinity" in str(error)
    return False


class Case(NamedTuple):
    """A ``matrix`` of condition 10 in its dtype, what the function under test ``found`` for it, and the ``seed``."""

    matrix: Tensor
    found: Tensor
    seed: int


def _case(function, rows: int, columns: int, dtype: torch.dtype, seed: int) -> Case:
    small, large = min(rows, columns), max(rows, columns)
    wide = with_spectrum(log_uniform(small, 10.0), large, seed, "contract")
    matrix = (wide if rows <= columns else wide.mT).to(dtype)
    return Case(matrix, function(matrix.clone()), seed)


def _transpose(function, case: Case) -> float:
    return _distance(function(case.matrix.mT), case.found.mT)


def _left(function, case: Case) -> float:
    rotation = _rotation(case.matrix.shape[0], case.matrix.dtype, case.seed, "left")
    turned = function((rotation @ case.matrix.double()).to(case.matrix.dtype))
    return _distance(turned, (rotation @ case.found.double()).to(case.matrix.dtype))


def _right(function, case: Case) -> float:
    rotation = _rotation(case.matrix.shape[1], case.matrix.dtype, case.seed, "right")
    turned = function((case.matrix.double() @ rotation).to(case.matrix.dtype))
    return _distance(turned, (case.found.double() @ rotation).to(case.matrix.dtype))


def _scale(function, case: Case) -> float:
    scaled = ((scale * case.matrix.double()).to(case.matrix.dtype) for scale in SCALES)
    return max(_distance(function(matrix), case.found) for matrix in scaled)


def _batch(function, case: Case) -> float:
    batch = torch.stack([case.matrix, case.matrix.flip(-1), torch.zeros_like(case.matrix)])
    return max(_distance(both, function(alone)) for both, alone in zip(function(batch), batch))


def _zero(function, case: Case) -> float:
    return _holds(bool((function(torch.zeros_like(case.matrix)) == 0).all()))


def _null(function, case: Case) -> float:
    double = case.matrix.double()
    # Entries +-1, so that the rank is one in every dtype.
    rank_one = double[:, :1].sign() @ double[:1, :].sign()
    sigma = torch.linalg.svdvals(function(rank_one.to(case.matrix.dtype)).double())
    return float(sigma[1:].max()) / 0.05 if len(sigma) > 1 else 0.0


def _band(_function, case: Case) -> float:
    if not torch.isfinite(case.found).all():
        return BROKEN
    top = float(torch.linalg.matrix_norm(case.found.double(), 2))
    return min(abs(top - 1) / (BAND + BAND_ROUNDING[case.matrix.dtype]), BROKEN)


def _not_finite(function, case: Case) -> float:
    return _holds(all(_refuses(function, case.matrix, bad) for bad in (math.nan, math.inf)))


def _empty(function, case: Case) -> float:
    empty = case.matrix[:0]
    return _holds(function(empty).shape == empty.shape)


def _kind(function, case: Case) -> float:
    given = case.matrix.clone()
    found = function(given)
    return _holds(found.shape == given.shape and found.dtype == given.dtype and torch.equal(given, case.matrix))


PROMISES: dict[str, Callable] = {
    "transpose": _transpose,
    "left": _left,
    "right": _right,
    "scale": _scale,
    "batch": _batch,
    "zero": _zero,
    "null": _null,
    "band": _band,
    "not finite": _not_finite,
    "empty": _empty,
    "kind": _kind,
}


def shares(
    function: Callable[[Tensor], Tensor],
    rows: int,
    columns: int,
    dtype: torch.dtype,
    seed: int,
    *,
    promises: Iterable[str] = tuple(PROMISES),
) -> dict[str, float]:
    """Share of its tolerance that each of the ``promises`` uses up (at most 1 where it is kept) for one matrix of
    condition 10 taken in ``dtype``.

    ``transpose``; ``left`` and ``right`` orthogonal factors; ``scale`` from 2^-100 to 2^100; ``batch`` equal to loop;
    ``zero`` to zero; ``null`` directions of a rank-one matrix at most 0.05; ``band``: the largest singular value in the
    band; ``not finite`` input named; ``empty`` kept empty; ``kind``: shape, dtype and the input itself unchanged.
    """
    case = _case(function, rows, columns, dtype, seed)
    return {name: PROMISES[name](function, case) for name in promises}


def lost_directions(function: Callable[[Tensor], Tensor], rows: int, columns: int, condition: float, seed: int) -> int:
    """Number of singular values below 1/2 in the result for a float32 matrix of full rank and the given condition."""
    matrix = with_spectrum(log_uniform(rows, condition), columns, seed, "full rank").float()
    return int((torch.linalg.svdvals(function(matrix).double().mT) < 0.5).sum())


# For each promise a function that breaks it, under the name that a table shows.
BREAKERS = {
    "transpose": ("rows normalised one by one", naive.rows_normalised),
    "left": ("rows from QR", naive.rows_by_qr),
    "right": ("columns normalised one by one", lambda matrix: naive.rows_normalised(matrix.mT).mT),
    "scale": ("an absolute epsilon", naive.with_epsilon),
    "batch": ("one norm for the batch", naive.batch_together),
    "zero": ("null directions filled up", naive.completed),
    "null": ("null directions filled up", naive.completed),
    "band": ("steps on 1.3 X, not normalised", naive.unnormalised),
    "not finite": ("the printed listing", naive.printed_listing),
    "empty": ("X Xᵀ in place of X", lambda matrix: matrix @ matrix.mT),
    "kind": ("normalised in place", naive.in_place),
}
