"""Least squares in one layer: find weights W that map the features A to the targets Y."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class LayerRegression:
    """f(W) = ||W A - Y||_F^2 / (2 n) for features A (..., k, n) and targets Y (..., m, n); W has shape (..., m, k).

    Leading dimensions are independent problems, solved side by side. A must have full row rank (the minimiser is then
    unique). Two constants bound the curvature (1/n) ||U A||_F^2 of a change U: at most ``lipschitz`` ||U||_F^2 and at
    most ``spectral_lipschitz`` ||U||_op^2.

    Raises ValueError when the shapes do not conform and TypeError when the two dtypes differ or are not floating point.
    """

    features: Tensor
    targets: Tensor

    def __post_init__(self):
        A, Y = self.features, self.targets
        if A.ndim < 2 or Y.ndim < 2:
            raise ValueError(
                f"features and targets must be matrices (or batches of them), got {tuple(A.shape)}, {tuple(Y.shape)}"
            )
        if A.shape[-1] != Y.shape[-1]:
            raise ValueError(
                f"features have {A.shape[-1]} columns and targets {Y.shape[-1]}: both need one column per sample; "
                "transpose the one that has samples in rows"
            )
        if A.dtype != Y.dtype or not A.is_floating_point():
            raise TypeError(f"features and targets must share a floating-point dtype, got {A.dtype} and {Y.dtype}")

    @property
    def samples(self) -> int:
        """n, the number of columns of A."""
        return self.features.shape[-1]

    @cached_property
    def gram(self) -> Tensor:
        """H = A A^T / n, shape (..., k, k): the Hessian of each row of W."""
        return self.features @ self.features.mT / self.samples

    @cached_property
    def cross(self) -> Tensor:
        """C = Y A^T / n, shape (..., m, k), so that the gradient is W H - C."""
        return self.targets @ self.features.mT / self.samples

    @cached_property
    def spectrum(self) -> tuple[Tensor, Tensor]:
        """Eigenvalues (..., k), increasing, and eigenvectors (..., k, k) of H."""
        return torch.linalg.eigh(self.gram)

    @cached_property
    def solution(self) -> Tensor:
        """The minimiser W* = C H^(-1), shape (..., m, k)."""
        return torch.linalg.solve(self.gram, self.cross, left=False)

    @property
    def lipschitz(self) -> Tensor:
        """L = ||A||_op^2 / n, shape (...)."""
        return self.spectrum[0][..., -1]

    @property
    def spectral_lipschitz(self) -> Tensor:
        """L_F = ||A||_F^2 / n, shape (...)."""
        return self.features.square().sum((-2, -1)) / self.samples

    def zero(self) -> Tensor:
        """W = 0, shape (..., m, k)."""
        return torch.zeros_like(self.cross)

    def loss(self, W: Tensor) -> Tensor:
        """||W A - Y||_F^2 / (2 n) from the residual, shape (...)."""
        return (W @ self.features - self.targets).square().sum((-2, -1)) / (2 * self.samples)

    def gradient(self, W: Tensor) -> Tensor:
        """G = (W A - Y) A^T / n = W H - C."""
        return W @ self.gram - self.cross

    def curvature(self, U: Tensor) -> Tensor:
        """(1/n) ||U A||_F^2 = <U H, U>, shape (...)."""
        return (U @ self.gram * U).sum((-2, -1))

    def gap(self, W: Tensor) -> Tensor:
        """f(W) - min f = <E H, E>/2 with E = W - W*, which does not cancel near the minimiser."""
        return 0.5 * self.curvature(W - self.solution)

    def decrease(self, G: Tensor, U: Tensor) -> Tensor:
        """f(W) - f(W + U) at a point with gradient G: -<G, U> - <U H, U>/2, exact because f is quadratic."""
        return -(G * U).sum((-2, -1)) - 0.5 * self.curvature(U)
