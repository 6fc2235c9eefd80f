"""Scaling without an absolute epsilon: the polar factor does not know the size of its argument, nor may its code."""

import torch
from torch import Tensor


def nonzero(scale: Tensor) -> Tensor:
    """``scale`` with zeros replaced by one, so that a zero matrix divided by it stays zero; NaN stays NaN."""
    return torch.where(scale == 0, 1, scale)


def exact_scale(matrix: Tensor) -> Tensor:
    """The power of two, shape (..., 1, 1), that brings the largest |entry| of each matrix next to one; NaN for a matrix
    with NaN or infinity.

    Multiplying by it rounds no entry, and squares of the product neither overflow nor vanish. An exact factor amplifies
    a rounding of its input by the condition number, so it must not begin with one. No absolute epsilon: the scale is
    held within the normal numbers of the dtype, which is near enough to one for the squares.
    """
    largest = nonzero(_largest_entry(matrix))
    mantissa, _ = torch.frexp(largest)
    tiny = torch.finfo(largest.dtype).tiny
    return (mantissa / largest).clamp(tiny, 1 / tiny)


def _largest_entry(matrix: Tensor) -> Tensor:
    """max |x_ij|, shape (..., 1, 1); for real input without the temporary matrix of |x_ij|."""
    axes = (-2, -1)
    if matrix.is_complex():
        return matrix.abs().amax(axes, keepdim=True)
    return torch.maximum(matrix.amax(axes, keepdim=True), -matrix.amin(axes, keepdim=True))


def frobenius(matrix: Tensor) -> Tensor:
    """||X||_F with shape (..., 1, 1), at least in float32 (entries of order one are assumed).

    The norms of the rows (of the columns of a transposed view) are accumulated in float32 and may be rounded to the
    dtype of X, which averages out over the rows; a copy of X in float32 would cost more than the sum.
    """
    first, second = (-1, -2) if matrix.stride(-1) <= matrix.stride(-2) else (-2, -1)
    rows = torch.linalg.vector_norm(matrix, dim=first, keepdim=True)
    dtype = torch.promote_types(matrix.dtype, torch.float32)
    return nonzero(torch.linalg.vector_norm(rows.to(dtype), dim=second, keepdim=True))
