"""Many matrices at once: equal shapes, and transposes of them, go through one batched call, where that is faster."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# On a CPU a product of this many rows runs at full speed by itself, and one matrix at a time stays in the cache: 16 of
# 256 x 256 in float32 took 1.3 times as long in one batch, 64 of 64 x 64 half as long.
LARGE = 128


def stacking_pays(matrix: Tensor) -> bool:
    """Whether matrices like the wide one (..., m, n) are iterated faster in a batch than one after the other."""
    large = matrix.shape[-2] >= LARGE and torch.finfo(matrix.dtype).bits >= 32
    return matrix.device.type != "cpu" or not large


def in_batches(matrices: Sequence[Tensor], function: Callable[[Tensor], Tensor]) -> list[Tensor]:
    """``function`` of each matrix, where f(X^T) = f(X)^T, called once per shape (up to transposition), dtype and
    device, or once per matrix where stacking does not pay.

    ``matrices`` are two-dimensional. The results come in the same order.
    """
    groups: dict[tuple, list[int]] = {}
    for position, matrix in enumerate(matrices):
        shape = tuple(sorted(matrix.shape))
        groups.setdefault((shape, matrix.dtype, matrix.device), []).append(position)
    results: list[Tensor | None] = [None] * len(matrices)
    for (shape, _, _), positions in groups.items():
        wide = [_oriented(matrices[position], shape) for position in positions]
        together = len(wide) > 1 and stacking_pays(wide[0])
        found = function(torch.stack(wide)) if together else map(function, wide)
        for position, result in zip(positions, found):
            results[position] = _oriented(result, matrices[position].shape)
    return results


def _oriented(matrix: Tensor, shape) -> Tensor:
    return matrix if matrix.shape == tuple(shape) else matrix.mT
