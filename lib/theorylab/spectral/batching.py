"""Many matrices at once: equal shapes, and transposes of them, go through one batched call."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def in_batches(matrices: Sequence[Tensor], function: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """``function`` of each matrix, where f(X^T) = f(X)^T, called once per shape (up to transposition), dtype and
    device.

    ``matrices`` are two-dimensional. The results come in the same order.
    """
    groups: dict[tuple, list[int]] = {}
    for position, matrix in enumerate(matrices):
        shape = tuple(sorted(matrix.shape))
        groups.setdefault((shape, matrix.dtype, matrix.device), []).append(position)
    results: list[Tensor | None] = [None] * len(matrices)
    for (shape, _, _), positions in groups.items():
        wide = [_oriented(matrices[position], shape) for position in positions]
        found = function(wide[0])[None] if len(wide) == 1 else function(torch.stack(wide))
        for position, result in zip(positions, found):
            results[position] = _oriented(result, matrices[position].shape)
    return results


def _oriented(matrix: Tensor, shape) -> Tensor:
    return matrix if matrix.shape == tuple(shape) else matrix.mT
