"""Spectral gradient descent."""

from torch import Tensor

from theorylab.optimizers.loop import MatrixOptimizer
from theorylab.optimizers.polar import check_polar, nuclear_norms, polar_factors


class SpecGD(MatrixOptimizer):
    """W <- W - lr ||G||_* polar(G): steepest descent under the operator norm, exact polar factor by default.

    Source: Carlson, Cevher et al., Stochastic spectral descent (2015); Davis and Drusvyatskiy (arXiv 2512.04299), (7).
    Other arguments as in ``MatrixOptimizer`` and ``orthogonalize``.
    """

    def __init__(
        self, params, lr=1e-2, *, weight_decay=0.0, method="exact", steps=None, dtype=None,
        maximize=False, fallback="sgd", fallback_lr=1e-2,
    ):  # fmt: skip
        super().__init__(
            params, lr=lr, weight_decay=weight_decay, maximize=maximize, fallback=fallback, fallback_lr=fallback_lr,
            method=method, steps=steps, dtype=dtype,
        )  # fmt: skip

    def check(self, group: dict) -> None:
        super().check(group)
        check_polar(group)

    def direction(self, gradients, states, weights, group) -> list[Tensor]:
        """||G||_* polar(G)."""
        factors = list(polar_factors(gradients, group))
        return [norm * factor for norm, factor in zip(nuclear_norms(gradients, factors), factors)]
