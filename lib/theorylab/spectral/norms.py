"""Norms as objects: value, dual norm, and the linear minimisation oracle from which every method here takes its step.

lmo(g) minimises <g, x> over the unit ball, so <g, lmo(g)> = -dual(g); sharp(g) = -dual(g) lmo(g) minimises
||x||^2/2 - <g, x>, so that gradient descent under the norm is W - sharp(G)/L. All act on the last two dimensions (the
last one for vectors) and take batches.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from theorylab.spectral.orthogonalize import orthogonalize
from theorylab.spectral.scaling import nonzero

MATRIX = (-2, -1)


class Norm(Protocol):
    """What a norm must answer; shapes (..., m, n) -> (...) for the values and -> (..., m, n) for lmo."""

    def value(self, x: Tensor) -> Tensor: ...

    def dual(self, g: Tensor) -> Tensor: ...

    def lmo(self, g: Tensor) -> Tensor: ...


def sharp(norm: Norm, g: Tensor) -> Tensor:
    """-dual(g) lmo(g), the steepest-descent direction under ``norm`` at full length."""
    lmo = norm.lmo(g)
    dual = -(g * lmo).sum(MATRIX, keepdim=True)
    return -dual * lmo


@dataclass(frozen=True)
class Frobenius:
    """||X||_F, its own dual; lmo(g) = -g/||g||_F. Gradient descent, normalised gradient descent."""

    def value(self, x: Tensor) -> Tensor:
        return torch.linalg.matrix_norm(x)

    def dual(self, g: Tensor) -> Tensor:
        return torch.linalg.matrix_norm(g)

    def lmo(self, g: Tensor) -> Tensor:
        return -g / nonzero(torch.linalg.matrix_norm(g, keepdim=True))


@dataclass(frozen=True)
class Spectral:
    """scale^(-1) ||X||_op with dual scale ||G||_*; lmo(g) = -scale U V^T. SpecGD, PolarGrad, Muon; with scale
    sqrt(n_out/n_in) the RMS-to-RMS operator norm of Scion's hidden layers. ``method``, ``steps`` and ``dtype`` choose
    the polar factor (see ``orthogonalize``)."""

    scale: float = 1.0
    method: str = "exact"
    steps: int | None = None
    dtype: torch.dtype | None = None

    def value(self, x: Tensor) -> Tensor:
        return torch.linalg.matrix_norm(x, ord=2) / self.scale

    def dual(self, g: Tensor) -> Tensor:
        return self.scale * torch.linalg.matrix_norm(g, ord="nuc")

    def lmo(self, g: Tensor) -> Tensor:
        return -self.scale * orthogonalize(g, self.method, self.steps, self.dtype, check=False)


@dataclass(frozen=True)
class MaxEntry:
    """max |x_ij| with dual sum |g_ij|; lmo(g) = -sign(g). Sign descent; Scion's output layers with a scale."""

    scale: float = 1.0

    def value(self, x: Tensor) -> Tensor:
        return x.abs().amax(MATRIX) / self.scale

    def dual(self, g: Tensor) -> Tensor:
        return self.scale * g.abs().sum(MATRIX)

    def lmo(self, g: Tensor) -> Tensor:
        return -self.scale * g.sign()


@dataclass(frozen=True)
class MaxColumn:
    """max_j ||x_j||_2 / sqrt(m), the largest root mean square of a column, with dual sqrt(m) sum_j ||g_j||_2; lmo
    normalises the columns. Scion's embeddings (one column per token), ColNorm."""

    def value(self, x: Tensor) -> Tensor:
        return torch.linalg.vector_norm(x, dim=-2).amax(-1) / math.sqrt(x.shape[-2])

    def dual(self, g: Tensor) -> Tensor:
        return math.sqrt(g.shape[-2]) * torch.linalg.vector_norm(g, dim=-2).sum(-1)

    def lmo(self, g: Tensor) -> Tensor:
        return -math.sqrt(g.shape[-2]) * g / nonzero(torch.linalg.vector_norm(g, dim=-2, keepdim=True))


def rms_operator(shape, **polar) -> Spectral:
    """The norm of W (n_out, n_in) as a map between vectors measured by their root mean square:
    sqrt(n_in/n_out) ||W||_op. ``polar`` as in :class:`Spectral`."""
    outputs, inputs = shape[-2:]
    return Spectral(scale=math.sqrt(outputs / inputs), **polar)
