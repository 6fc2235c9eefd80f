"""Matrix factorisation, 1/2 ||U V^T - M||_F^2 with M of rank 4 and singular values one, from a start near the saddle 0.

The two factors are one tensor X (trials, 2, n, k), so that a method for matrices applies to both at once.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from theorylab.random import torch_generator

RANK, WIDTH = 4, 8


@dataclass(frozen=True)
class Factorisation:
    """Targets M (trials, n, n), orthogonal projections of rank 4 composed with a rotation: the initial loss is 2."""

    target: Tensor

    @classmethod
    def random(cls, n: int, trials, *, seed: int, dtype: torch.dtype = torch.float32) -> "Factorisation":
        """Haar-random singular vectors. Raises ValueError for n < 8."""
        if n < WIDTH:
            raise ValueError(f"n must be at least {WIDTH}, the number of columns of the factors, got {n}")

        def frame(name: str, trial: int) -> Tensor:
            generator = torch_generator(seed, "factorisation", name, n, trial)
            return torch.linalg.qr(torch.randn(n, RANK, generator=generator, dtype=dtype))[0]

        return cls(torch.stack([frame("left", trial) @ frame("right", trial).T for trial in trials]))

    def start(self, scale: float, *, seed: int) -> Tensor:
        """X with i.i.d. Gaussian entries of deviation ``scale``."""
        trials, n, _ = self.target.shape
        drawn = [
            torch.randn(2, n, WIDTH, generator=torch_generator(seed, "factors", n, k), dtype=self.target.dtype)
            for k in range(trials)
        ]
        return scale * torch.stack(drawn)

    def loss(self, X: Tensor) -> Tensor:
        """1/2 ||U V^T - M||_F^2 per trial."""
        return 0.5 * ((X[:, 0] @ X[:, 1].mT - self.target) ** 2).sum((-2, -1))

    def grad(self, X: Tensor) -> Tensor:
        """(E V, E^T U), E = U V^T - M."""
        E = X[:, 0] @ X[:, 1].mT - self.target
        return torch.stack([E @ X[:, 1], E.mT @ X[:, 0]], dim=1)
