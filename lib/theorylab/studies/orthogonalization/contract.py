"""What every method of ``orthogonalize`` promises, measured on one matrix: each promise as a share of its tolerance."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from theorylab.random import torch_generator
from theorylab.studies.orthogonalization.accuracy import exact_factor
from theorylab.studies.orthogonalization.prescribed import log_uniform, with_spectrum

# Rounding of the dtype times the condition number (10) and the largest slope of a composition (a few hundred); in
# bfloat16 that is no bound at all, and 0.3, the half-width of the band in which the polynomials leave their values, is.
TOLERANCE = {torch.float64: 1e-11, torch.float32: 2e-3, torch.bfloat16: 0.3}
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


def shares(function: Callable[[Tensor], Tensor], rows: int, columns: int, dtype: torch.dtype, seed: int) -> dict:
    """Share of its tolerance that each promise uses up (at most 1 where it is kept) for one matrix of condition 10
    taken in ``dtype``.

    Promises: ``transpose``; ``left`` and ``right`` orthogonal factors; ``scale`` from 2^-100 to 2^100; ``batch`` equal
    to loop; ``zero`` to zero; ``null`` directions of a rank-one matrix at most 0.05; ``not finite`` input named;
    ``empty`` kept empty; ``kind``: shape, dtype and the input itself unchanged.
    """
    small, large = min(rows, columns), max(rows, columns)
    wide = with_spectrum(log_uniform(small, 10.0), large, seed, "contract")
    matrix = (wide if rows <= columns else wide.mT).to(dtype)
    double = matrix.double()
    before = matrix.clone()
    found = function(matrix)
    left, right = _rotation(rows, dtype, seed, "left"), _rotation(columns, dtype, seed, "right")
    batch = torch.stack([matrix, matrix.flip(-1), torch.zeros_like(matrix)])
    batched = function(batch)
    # Entries +-1, so that the rank is one in every dtype.
    rank_one = double[:, :1].sign() @ double[:1, :].sign()
    ones = torch.linalg.svdvals(function(rank_one.to(dtype)).double())
    return {
        "transpose": _distance(function(matrix.mT), found.mT),
        "left": _distance(function((left @ double).to(dtype)), (left @ found.double()).to(dtype)),
        "right": _distance(function((double @ right).to(dtype)), (found.double() @ right).to(dtype)),
        "scale": max(_distance(function((scale * double).to(dtype)), found) for scale in SCALES),
        "batch": max(_distance(batched[k], function(batch[k])) for k in range(3)),
        "zero": _holds(bool((batched[2] == 0).all())),
        "null": float(ones[1:].max()) / 0.05 if len(ones) > 1 else 0.0,
        "not finite": _holds(all(_refuses(function, matrix, bad) for bad in (math.nan, math.inf))),
        "empty": _holds(function(matrix[:0]).shape == (0, columns)),
        "kind": _holds(found.shape == matrix.shape and found.dtype == dtype and torch.equal(matrix, before)),
    }
