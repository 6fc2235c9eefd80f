"""Scaling without an absolute epsilon: the polar factor does not know the size of its argument, nor may its code."""

import torch
from torch import Tensor


def nonzero(scale: Tensor) -> Tensor:
    """``scale`` with zeros replaced by one, so that a zero matrix divided by it stays zero; NaN stays NaN."""
    return torch.where(scale == 0, 1, scale)


def scaled_exactly(matrix: Tensor) -> Tensor:
    """Each matrix of the batch over the power of two next to its largest |entry|: no entry is rounded, and squares
    neither overflow nor vanish.

    An exact factor amplifies a rounding of its input by the condition number, so it must not begin with one.
    """
    largest = matrix.abs().amax((-2, -1), keepdim=True)
    _, exponent = torch.frexp(largest)
    # Two factors, because one power of two can leave the range when the entries are near its ends.
    half = exponent // 2
    one = torch.ones_like(largest)
    return matrix * torch.ldexp(one, -half) * torch.ldexp(one, half - exponent)


def frobenius(matrix: Tensor) -> Tensor:
    """||X||_F with shape (..., 1, 1), accumulated at least in float32 (entries of order one are assumed)."""
    dtype = torch.promote_types(matrix.dtype, torch.float32)
    return nonzero(torch.linalg.matrix_norm(matrix.to(dtype), keepdim=True))
