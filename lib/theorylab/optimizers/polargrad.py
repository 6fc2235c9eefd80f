"""PolarGrad: the polar factor scaled by the nuclear norm, so that the step vanishes with the gradient."""

from torch import Tensor

from theorylab.optimizers.loop import MatrixOptimizer, averaged, check_choice, check_momentum
from theorylab.optimizers.polar import check_polar, nuclear_norms, polar_factors

ORDERS = ("momentum_first", "polar_first")


class PolarGrad(MatrixOptimizer):
    """W <- (1 - lr weight_decay) W - lr ||M||_* polar(M), M <- momentum M + (1 - momentum) G ("momentum_first"), or
    W <- ... - lr ||G||_* M, M <- momentum M + (1 - momentum) polar(G) ("polar_first").

    Without momentum both are steepest descent under the operator norm. Source: Lau, Long and Su, PolarGrad
    (arXiv 2505.21799), algorithms 1 and 2. Other arguments as in ``MatrixOptimizer`` and ``orthogonalize``.
    """

    def __init__(
        self, params, lr=1e-2, *, momentum=0.95, order="momentum_first", weight_decay=0.0,
        method="exact", steps=None, dtype=None, maximize=False, fallback="adamw", fallback_lr=3e-4,
    ):  # fmt: skip
        super().__init__(
            params, lr=lr, weight_decay=weight_decay, maximize=maximize, fallback=fallback, fallback_lr=fallback_lr,
            momentum=momentum, order=order, method=method, steps=steps, dtype=dtype,
        )  # fmt: skip

    def check(self, group: dict) -> None:
        super().check(group)
        check_momentum(group)
        check_choice(group, "order", ORDERS)
        check_polar(group)

    def direction(self, gradients, states, weights, group) -> list[Tensor]:
        """The averaged direction in the group's ``order``."""
        weight = 1 - group["momentum"]
        if group["order"] == "polar_first":
            factors = list(polar_factors(gradients, group))
            norms = nuclear_norms(gradients, factors)
            factors = averaged("momentum_buffer", factors, states, weight)
        else:
            momenta = averaged("momentum_buffer", gradients, states, weight)
            factors = list(polar_factors(momenta, group))
            norms = nuclear_norms(momenta, factors)
        return [norm * factor for norm, factor in zip(norms, factors)]
