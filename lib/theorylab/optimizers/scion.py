"""Scion: a linear minimisation oracle per layer, with or without a constraint."""

import torch
from torch import Tensor

from theorylab.optimizers.loop import MatrixOptimizer, averaged, check_averaging, check_choice
from theorylab.optimizers.polar import check_polar, polar_factors
from theorylab.spectral.norms import MaxColumn, MaxEntry, Norm, rms_operator

NORMS = ("rms_operator", "max_entry", "max_column")


class Scion(MatrixOptimizer):
    """d <- averaging G + (1 - averaging) d; W <- W + lr radius lmo(d), or with ``constrained``
    W <- (1 - lr) W + lr radius lmo(d), which stays in the ball of ``radius`` if it starts there.

    ``norm`` per parameter group: "rms_operator" (hidden layers, sqrt(n_in/n_out) ||W||_op), "max_entry" (output layers,
    scale 1/n_in), "max_column" (embeddings, columns of unit root mean square). ``averaging`` is the weight of the new
    gradient. Source: Pethick et al., Training deep learning models with norm-constrained LMOs (arXiv 2502.07529),
    algorithms 1 and 2. Other arguments as in ``MatrixOptimizer`` and ``orthogonalize``.
    """

    def __init__(
        self, params, lr=1e-2, *, radius=1.0, averaging=0.1, constrained=False, norm="rms_operator", weight_decay=0.0,
        method="exact", steps=None, dtype=None, maximize=False, fallback="sgd", fallback_lr=1e-2,
    ):  # fmt: skip
        super().__init__(
            params, lr=lr, weight_decay=weight_decay, maximize=maximize, fallback=fallback, fallback_lr=fallback_lr,
            radius=radius, averaging=averaging, constrained=constrained, norm=norm,
            method=method, steps=steps, dtype=dtype,
        )  # fmt: skip

    def check(self, group: dict) -> None:
        super().check(group)
        check_averaging(group)
        if not group["radius"] > 0:
            raise ValueError(f"radius must be positive, got {group['radius']!r}")
        check_choice(group, "norm", NORMS)
        check_polar(group)

    def direction(self, gradients, states, weights, group) -> list[Tensor]:
        """-radius lmo(d), plus W itself when ``constrained`` (the step then is a convex combination)."""
        averages = averaged("averaged_gradient", gradients, states, group["averaging"])
        directions = [group["radius"] * step for step in minus_lmo(averages, group)]
        return torch._foreach_add(directions, weights) if group["constrained"] else directions


def norm_of(shape, group: dict) -> Norm:
    """The norm object of a layer of this shape."""
    if group["norm"] == "rms_operator":
        return rms_operator(shape, method=group["method"], steps=group["steps"], dtype=group["dtype"])
    return MaxEntry(scale=1 / shape[-1]) if group["norm"] == "max_entry" else MaxColumn()


def minus_lmo(matrices: list[Tensor], group: dict) -> list[Tensor]:
    """-lmo of each matrix under the group's norm; polar factors are batched by shape."""
    if group["norm"] != "rms_operator":
        return [-norm_of(matrix.shape, group).lmo(matrix) for matrix in matrices]
    factors = polar_factors(matrices, group)
    return [norm_of(matrix.shape, group).scale * factor for matrix, factor in zip(matrices, factors)]
