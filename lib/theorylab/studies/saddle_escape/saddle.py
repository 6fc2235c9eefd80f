"""A strict saddle of matrices with one descent direction, known in everything: the model of notebook 04.

f(W) = -lambda/2 s^2 + lambda/64 s^4 + mu/2 ||W - s u v^T||_F^2,   s = <W, u v^T>,   ||u|| = ||v|| = 1.

The saddle is W = 0, its only negative curvature is -lambda, along u v^T; the rest of space, the bulk, has curvature mu.
The minima lie at s = +-4. For mu > -lambda the gap between the escape direction and the bulk is lambda + mu.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from theorylab.random import torch_generator

BOTTOM = 4.0
STATISTICS = ("S", "F", "O", "L")
SIGNAL, ALIGNMENT, LOSS_DROP = 1.0, 0.5, 0.4


@dataclass(frozen=True)
class Saddle:
    """A batch of saddles: unit vectors ``u`` and ``v`` of shape (batch, n), ``curvature`` lambda of the escape
    direction, ``bulk`` curvature mu."""

    u: Tensor
    v: Tensor
    curvature: float = 1.0
    bulk: float = 0.0

    @classmethod
    def delocalised(cls, n: int, trials, *, seed: int, device: str = "cpu", **constants) -> "Saddle":
        """u and v are normalised Gaussian vectors, one pair per trial, from streams named by ``seed`` and the trial.

        Raises ValueError for n < 2 or no trials.
        """
        trials = _checked(n, trials)

        def unit(name: str) -> Tensor:
            drawn = [torch.randn(n, generator=torch_generator(seed, f"saddle {name}", n, trial)) for trial in trials]
            return torch.nn.functional.normalize(torch.stack(drawn), dim=-1).to(device)

        return cls(unit("u"), unit("v"), **constants)

    @classmethod
    def localised(cls, n: int, trials, *, entry: int = 0, seed: int = 0, device: str = "cpu", **constants) -> "Saddle":
        """u = v = the unit vector number ``entry`` (-1: the last), for every trial: the escape direction is one entry
        of the matrix (``seed`` is not used)."""
        unit = torch.zeros(len(_checked(n, trials)), n, device=device)
        unit[:, entry] = 1
        return cls(unit, unit, **constants)

    @property
    def n(self) -> int:
        return self.u.shape[-1]

    def select(self, index: Tensor) -> "Saddle":
        """The members ``index`` of the batch."""
        return replace(self, u=self.u[index], v=self.v[index])

    def start(self) -> Tensor:
        """W = 0, exactly at the saddle: shape (batch, n, n)."""
        return self.u.new_zeros(len(self.u), self.n, self.n)

    @cached_property
    def direction(self) -> Tensor:
        """The escape direction u v^T: shape (batch, n, n)."""
        return self.u[:, :, None] * self.v[:, None, :]

    def at(self, s: float) -> Tensor:
        """The point s u v^T of the escape direction."""
        return s * self.direction

    def along(self, X: Tensor) -> Tensor:
        """<X, u v^T> of matrices X (batch, n, n): shape (batch,). The signal s of a point W."""
        # One pass over both; the products of a matrix and a vector in a batch take four times as long.
        return torch.linalg.vecdot(X.flatten(-2), self.direction.flatten(-2))

    def orthogonal_squared(self, W: Tensor, s: Tensor) -> Tensor:
        """||W - s u v^T||_F^2 = ||W||_F^2 - s^2 of a point W whose signal is s: shape (batch,)."""
        return (torch.linalg.vector_norm(W, dim=(-2, -1)) ** 2 - s**2).clamp_min(0)

    def slope(self, s: Tensor) -> Tensor:
        """d/ds of the loss on the escape direction: -lambda s (1 - s^2/16)."""
        return axial_slope(s, self.curvature)

    def grad(self, W: Tensor, s: Tensor | None = None) -> Tensor:
        """Gradient at W; ``s`` saves computing the signal again."""
        s = self.along(W) if s is None else s
        slope, bulk = self.slope(s), self.bulk
        if bulk == 0:
            return self.direction * slope[:, None, None]
        return torch.add(self.direction * (slope - bulk * s)[:, None, None], W, alpha=bulk)

    def loss(self, s: Tensor, orthogonal_squared: Tensor) -> Tensor:
        """f as a function of the signal and of r^2 = ||W - s u v^T||_F^2."""
        return loss(s, orthogonal_squared, self.curvature, self.bulk)


def axial_slope(s, curvature: float = 1.0):
    """d/ds of the loss on the escape direction, -lambda s (1 - s^2/16), for tensors, arrays or numbers."""
    return curvature * s * ((s / BOTTOM) ** 2 - 1)


def loss(s, orthogonal_squared, curvature: float = 1.0, bulk: float = 0.0):
    """f = -lambda/2 s^2 + lambda/64 s^4 + mu/2 r^2 for tensors, arrays or numbers."""
    return curvature * (s**4 / 64 - s**2 / 2) + bulk / 2 * orthogonal_squared


def reached_by_invariants(statistic: str, s, orthogonal_squared, curvature: float, bulk: float):
    """Whether the statistic S, F or L says "escaped", from s and r^2 alone.

    S: |s| >= 1.  F: |s| >= ||W||_F / 2, with ||W||_F^2 = s^2 + r^2.  L: the loss fell by 0.4.
    """
    if statistic == "S":
        return abs(s) >= SIGNAL
    if statistic == "F":
        return s**2 >= ALIGNMENT**2 * (s**2 + orthogonal_squared)
    if statistic == "L":
        return loss(s, orthogonal_squared, curvature, bulk) <= -LOSS_DROP
    raise ValueError(f"statistic must be one of {', '.join(STATISTICS)}, got {statistic!r}")


def operator_aligned(W: Tensor, s: Tensor, probe: Tensor) -> tuple[Tensor, Tensor]:
    """Statistic O, |s| >= ||W||_op / 2, and the next ``probe``, an approximate right singular vector (batch, n).

    Two power iterations from the last probe give a lower bound of the norm, which settles most members of the batch;
    the singular values of the others are computed.
    """
    x = probe
    for _ in range(2):
        x = torch.nn.functional.normalize((W.mT @ (W @ x[..., None]))[..., 0], dim=-1, eps=math.ulp(0.0))
    bound = torch.linalg.vector_norm((W @ x[..., None])[..., 0], dim=-1)
    open_ = (ALIGNMENT * bound <= s.abs()).nonzero()[:, 0]
    aligned = torch.zeros_like(s, dtype=torch.bool)
    if len(open_):
        norm = torch.linalg.matrix_norm(W[open_], 2)
        aligned[open_] = s[open_].abs() >= ALIGNMENT * norm
    # A probe that has collapsed (W = 0) is started afresh.
    return aligned, torch.where(bound[:, None] > 0, x, probe)


def _checked(n: int, trials) -> list:
    trials = list(trials)
    if n < 2:
        raise ValueError(f"n must be at least 2, got {n}: a saddle needs a direction and a bulk")
    if not trials:
        raise ValueError("trials is empty: give at least one, for example range(8)")
    return trials
