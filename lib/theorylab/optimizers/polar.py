"""Polar factors and nuclear norms of a list of matrices, batched by shape."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from theorylab.spectral.batching import in_batches
from theorylab.spectral.orthogonalize import METHODS, POLYNOMIAL, orthogonalize, working_precision


def check_polar(group: dict) -> None:
    """Raises ValueError, naming the key, for a method, a number of steps or a dtype that ``orthogonalize`` refuses."""
    method, steps, dtype = group["method"], group["steps"], group["dtype"]
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if steps is not None and (method not in POLYNOMIAL or steps < 1):
        raise ValueError(f"steps must be None or, for the polynomial methods, at least 1; got {steps!r} for {method!r}")
    working_precision(dtype, method, "meta")


def polar_factors(matrices: Iterable[Tensor], group: dict) -> Iterator[Tensor]:
    """The (approximate) polar factor of each matrix by the group's ``method``, ``steps`` and ``dtype``.

    Matrices are taken and factors given one at a time: copies of all of them at once would need memory for another set
    of parameters, and on a CPU fresh memory costs more than the arithmetic on it.

    Without the test for NaN and infinities, which would wait for the device at every step.
    """
    method, steps, dtype = group["method"], group["steps"], group["dtype"]
    dtypes, rounded = [], []
    for matrix in matrices:
        dtypes.append(matrix.dtype)
        rounded.append(_rounded_early(matrix, method, working_precision(dtype, method, matrix.device.type)))
    factors = in_batches(rounded, lambda batch: orthogonalize(batch, method, steps, dtype, check=False))
    return map(Tensor.to, factors, dtypes)


def _rounded_early(matrix: Tensor, method: str, dtype: torch.dtype | None) -> Tensor:
    """bfloat16 has the exponents of float32: what is going to be iterated in bfloat16 is rounded before it is stacked,
    which halves what is copied."""
    early = dtype == torch.bfloat16 and matrix.dtype == torch.float32 and method in POLYNOMIAL
    return matrix.to(dtype) if early else matrix


def nuclear_norms(matrices: list[Tensor], factors: list[Tensor]) -> list[Tensor]:
    """||G||_* = <G, polar(G)>, exact when the factor is."""
    return [torch.sum(matrix * factor) for matrix, factor in zip(matrices, factors)]
