"""Polar factors and nuclear norms of a list of matrices, batched by shape."""

import torch
from torch import Tensor

from theorylab.spectral.batching import in_batches
from theorylab.spectral.orthogonalize import METHODS, orthogonalize


def check_method(method: str) -> None:
    """Raises ValueError for a method that ``orthogonalize`` does not know."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")


def polar_factors(matrices: list[Tensor], group: dict) -> list[Tensor]:
    """The (approximate) polar factor of each matrix by the group's ``method``, ``steps`` and ``dtype``.

    Without the test for NaN and infinities, which would wait for the device at every step.
    """
    return in_batches(
        matrices, lambda batch: orthogonalize(batch, group["method"], group["steps"], group["dtype"], check=False)
    )


def nuclear_norms(matrices: list[Tensor], factors: list[Tensor]) -> list[Tensor]:
    """||G||_* = <G, polar(G)>, exact when the factor is."""
    return [torch.sum(matrix * factor) for matrix, factor in zip(matrices, factors)]
