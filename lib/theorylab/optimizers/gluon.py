"""Gluon: layer-wise steps whose radius follows the layer's own smoothness."""

import torch
from torch import Tensor

from theorylab.optimizers.loop import MatrixOptimizer, averaged, check_averaging, check_choice
from theorylab.optimizers.polar import check_polar
from theorylab.optimizers.scion import NORMS, minus_lmo


class Gluon(MatrixOptimizer):
    """W_i <- W_i + lr t_i lmo_i(M_i), t_i = g_i / (L0 + L1 g_i), g_i = ||G_i||_{(i)*} the dual norm.

    ``L0`` and ``L1`` are the constants of layer-wise (L0, L1)-smoothness, per parameter group: L1 = 0 gives steepest
    descent with stepsize 1/L0, L0 = 0 a fixed radius 1/L1 (Muon, Scion). ``averaging`` is the weight of the new
    gradient in M_i (1: deterministic; 0.1 suits noisy gradients). ``norm`` as in ``Scion``. Source: Riabinin et al.,
    Gluon (arXiv 2505.13416), algorithm 1 and theorem 1. Other arguments as in ``MatrixOptimizer`` and
    ``orthogonalize``.

    The constants belong to a network and are to be estimated along its training. The default, L0 = 0 and L1 = 100, is
    the fixed radius 0.01, the default step of ``Scion``: no gradient makes it large. Give both or neither. L1 = 0
    with an L0 that is too small diverges, as gradient descent does with a stepsize above 2/L.
    """

    def __init__(
        self, params, lr=1.0, *, L0=0.0, L1=100.0, averaging=1.0, norm="rms_operator", weight_decay=0.0,
        method="exact", steps=None, dtype=None, maximize=False, fallback="sgd", fallback_lr=1e-2,
    ):  # fmt: skip
        super().__init__(
            params, lr=lr, weight_decay=weight_decay, maximize=maximize, fallback=fallback, fallback_lr=fallback_lr,
            L0=L0, L1=L1, averaging=averaging, norm=norm, method=method, steps=steps, dtype=dtype,
        )  # fmt: skip

    def check(self, group: dict) -> None:
        super().check(group)
        L0, L1 = group["L0"], group["L1"]
        if L0 < 0 or L1 < 0 or L0 + L1 == 0:
            raise ValueError(f"L0 and L1 must be nonnegative and not both zero, got L0={L0!r}, L1={L1!r}")
        check_averaging(group)
        check_choice(group, "norm", NORMS)
        check_polar(group)

    def direction(self, gradients, states, weights, group) -> list[Tensor]:
        """-t_i lmo_i(M_i)."""
        if group["averaging"] < 1:
            gradients = averaged("averaged_gradient", gradients, states, group["averaging"])
        directions = minus_lmo(gradients, group)
        accumulated = torch.promote_types(gradients[0].dtype, torch.float32)
        # <M, -lmo(M)> is the dual norm of M.
        duals = torch.stack([torch.sum(m * d, dtype=accumulated) for m, d in zip(gradients, directions)])
        denominator = group["L0"] + group["L1"] * duals
        radii = torch.where(denominator > 0, duals / denominator, 0)
        return [radius.to(direction.dtype) * direction for radius, direction in zip(radii, directions)]
