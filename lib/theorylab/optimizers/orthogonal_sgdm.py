"""Orthogonal SGD with momentum: the polar factor before the momentum."""

import torch
from torch import Tensor

from theorylab.optimizers.loop import MatrixOptimizer, check_momentum
from theorylab.optimizers.polar import check_polar, polar_factors


class OrthogonalSGDM(MatrixOptimizer):
    """v <- momentum v + polar(G); W <- (1 - lr weight_decay) W - lr v, so that ||v||_2 <= 1/(1 - momentum).

    Source: Tuddenham, Pruegel-Bennett and Hare, Orthogonalising gradients to speed up neural network optimisation
    (arXiv 2202.07052). Other arguments as in ``MatrixOptimizer`` and ``orthogonalize``.
    """

    def __init__(
        self, params, lr=1e-2, *, momentum=0.9, weight_decay=0.0, method="exact", steps=None, dtype=None,
        maximize=False, fallback="sgd", fallback_lr=1e-2,
    ):  # fmt: skip
        super().__init__(
            params, lr=lr, weight_decay=weight_decay, maximize=maximize, fallback=fallback, fallback_lr=fallback_lr,
            momentum=momentum, method=method, steps=steps, dtype=dtype,
        )  # fmt: skip

    def check(self, group: dict) -> None:
        super().check(group)
        check_momentum(group)
        check_polar(group)

    def direction(self, gradients, states, weights, group) -> list[Tensor]:
        """The accumulated polar factors."""
        for gradient, state in zip(gradients, states):
            if "momentum_buffer" not in state:
                state["momentum_buffer"] = torch.zeros_like(gradient, memory_format=torch.contiguous_format)
        velocities = [state["momentum_buffer"] for state in states]
        torch._foreach_mul_(velocities, group["momentum"])
        torch._foreach_add_(velocities, list(polar_factors(gradients, group)))
        return velocities
