"""Muon: momentum, then an approximate polar factor."""

import math
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from theorylab.optimizers.loop import MatrixOptimizer, averaged, check_choice, check_momentum
from theorylab.optimizers.polar import check_polar, polar_factors

# Factors s in W <- W - lr s O for W of shape (n_out, n_in).
SCALES = {
    # K. Jordan's implementation.
    "original": lambda outputs, inputs: math.sqrt(max(1.0, outputs / inputs)),
    # The root mean square entry of AdamW's update, 0.2 (Liu et al., arXiv 2502.16982).
    "match_rms_adamw": lambda outputs, inputs: 0.2 * math.sqrt(max(outputs, inputs)),
    # Unit operator norm between spaces measured by root mean squares (Bernstein and Newhouse, arXiv 2409.20325).
    "rms_operator": lambda outputs, inputs: math.sqrt(outputs / inputs),
    "none": lambda outputs, inputs: 1.0,
}


class Muon(MatrixOptimizer):
    """M <- momentum M + (1 - momentum) G; W <- (1 - lr weight_decay) W - lr s NS(M), M replaced by
    momentum M + (1 - momentum) G with the new M when ``nesterov``.

    ``scale`` chooses s by name: "original" sqrt(max(1, n_out/n_in)), "match_rms_adamw" 0.2 sqrt(max(n_out, n_in)),
    "rms_operator" sqrt(n_out/n_in), "none" 1. ``method``, ``steps``, ``dtype`` as in ``orthogonalize``; with "jordan",
    5 steps and bfloat16 the steps are those of ``torch.optim.Muon`` with the same settings.

    The defaults lr 0.02, weight_decay 0.01 and fallback_lr 3e-4 are those that K. Jordan's implementation recommends
    for the scale "original"; torch's own, 1e-3 and 0.1, are small steps with a large decay. With "match_rms_adamw"
    start from the rate and the decay that you would give to AdamW. Source: K. Jordan et al., Muon (2024). Other
    arguments as in ``MatrixOptimizer``, whose example leaves embeddings and heads to AdamW.
    """

    def __init__(
        self, params, lr=0.02, *, momentum=0.95, nesterov=True, weight_decay=0.01, scale="original",
        method="jordan", steps=None, dtype=None, maximize=False, fallback="adamw", fallback_lr=3e-4,
    ):  # fmt: skip
        super().__init__(
            params, lr=lr, weight_decay=weight_decay, maximize=maximize, fallback=fallback, fallback_lr=fallback_lr,
            momentum=momentum, nesterov=nesterov, scale=scale, method=method, steps=steps, dtype=dtype,
        )  # fmt: skip

    def check(self, group: dict) -> None:
        super().check(group)
        check_momentum(group)
        check_choice(group, "scale", SCALES)
        check_polar(group)

    def direction(self, gradients, states, weights, group) -> Iterator[Tensor]:
        """s NS(M), with the gradient mixed in once more when ``nesterov``."""
        momenta = averaged("momentum_buffer", gradients, states, 1 - group["momentum"])
        if group["nesterov"]:
            momenta = map(partial(torch.lerp, weight=group["momentum"]), gradients, momenta)
        scale = SCALES[group["scale"]]
        return (scale(*factor.shape) * factor for factor in polar_factors(momenta, group))
