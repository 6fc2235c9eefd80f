"""Laws of the noise that a stochastic gradient adds: Gaussian, heavy-tailed, sparse, in bursts.

Two conventions fix its size. ENTRY: every entry has standard deviation ``size``, so that the operator norm of an n x n
matrix grows like 2 size sqrt(n). OP: the operator norm is ``size`` at every n (in the mean; that of the
Gaussian part where bursts are added).
"""

import functools
import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from theorylab.random import torch_generator

CONVENTIONS = ("ENTRY", "OP")
DENSITY = 0.01
BURST_PROBABILITY, BURST_RATIO = 0.1, 10.0
CALIBRATION_DRAWS = 32


def gaussian(n: int, generator: Generator) -> Tensor:
    """i.i.d. standard normal entries (n, n)."""
    return torch.randn(n, n, generator=generator)


def rademacher(n: int, generator: Generator) -> Tensor:
    """i.i.d. signs."""
    return torch.randint(2, (n, n), generator=generator).to(torch.get_default_dtype()).mul_(2).sub_(1)


def laplace(n: int, generator: Generator) -> Tensor:
    """i.i.d. Laplace entries of variance one: sub-exponential, not sub-Gaussian."""
    centred = torch.rand(n, n, generator=generator) - 0.5
    return -torch.sign(centred) * torch.log1p(-2 * centred.abs().clamp_max(0.5 - 1e-7)) / math.sqrt(2)


def student(n: int, generator: Generator) -> Tensor:
    """i.i.d. Student entries with three degrees of freedom, variance one: no fourth moment."""
    chi = (torch.randn(3, n, n, generator=generator) ** 2).mean(0)
    return torch.randn(n, n, generator=generator) / chi.sqrt() / math.sqrt(3)


def sparse(n: int, generator: Generator) -> Tensor:
    """One entry in a hundred is Gaussian, of variance one hundred; the others are exactly zero."""
    kept = torch.rand(n, n, generator=generator) < DENSITY
    return torch.randn(n, n, generator=generator) * kept / math.sqrt(DENSITY)


def heteroskedastic(n: int, generator: Generator) -> Tensor:
    """Z_ij ~ N(0, r_i^2 c_j^2) with r and c evenly spaced from 1/2 to 3/2, scaled to mean square one."""
    r = torch.linspace(0.5, 1.5, n)
    r = r / (r**2).mean().sqrt()
    return torch.randn(n, n, generator=generator) * r[:, None] * r[None, :]


def haar(n: int, generator: Generator) -> Tensor:
    """sqrt(n) times a Haar-random orthogonal matrix: sub-Gaussian entries of variance one, equal singular values."""
    Q, R = torch.linalg.qr(torch.randn(n, n, generator=generator))
    return Q * torch.sign(R.diagonal()) * math.sqrt(n)


def bursts(n: int, generator: Generator) -> Tensor:
    """Gaussian entries and, added with probability 0.1, a random rank-one matrix of ten times their operator norm."""
    Z = torch.randn(n, n, generator=generator)
    x, y = torch.nn.functional.normalize(torch.randn(2, n, generator=generator), dim=-1)
    struck = torch.rand((), generator=generator) < BURST_PROBABILITY
    return Z + struck * BURST_RATIO * 2 * math.sqrt(n) * x[:, None] * y[None, :]


LAWS = {
    "Gaussian": gaussian,
    "Rademacher": rademacher,
    "Laplace": laplace,
    "Student t3": student,
    "sparse": sparse,
    "heteroskedastic": heteroskedastic,
    "bursts": bursts,
    "Haar": haar,
}
# Laws whose size is that of Gaussian entries: bursts come on top of a noise that stays as it is.
GAUSSIAN_BASE = ("Gaussian", "bursts")


@dataclass(frozen=True)
class Noise:
    """Noise of one ``law`` whose size follows ``convention``: ENTRY (deviation ``size`` per entry) or OP (mean operator
    norm ``size``). Raises ValueError for an unknown law or convention or a negative size."""

    convention: str
    size: float
    law: str = "Gaussian"

    def __post_init__(self):
        if self.convention not in CONVENTIONS:
            raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}, got {self.convention!r}")
        if self.law not in LAWS:
            raise ValueError(f"law must be one of {', '.join(LAWS)}, got {self.law!r}")
        if not 0 <= self.size < math.inf:
            raise ValueError(f"size must be a nonnegative number, got {self.size!r}")

    def deviation(self, n: int) -> float:
        """Factor of the unit law at width n: ``size`` (ENTRY) or ``size`` / mean operator norm (OP).

        For the Gaussian law the limit 2 sqrt(n) stands for the mean operator norm; bursts are added to that law.
        """
        if self.convention == "ENTRY":
            return self.size
        return self.size / (2 * math.sqrt(n) if self.law in GAUSSIAN_BASE else mean_operator_norm(self.law, n))

    def draw(self, n: int, generators) -> Tensor:
        """One matrix per generator: shape (len(generators), n, n), float32, on the CPU."""
        law, deviation = LAWS[self.law], self.deviation(n)
        return torch.stack([law(n, generator) for generator in generators]).mul_(deviation)


@functools.cache
def mean_operator_norm(law: str, n: int, draws: int = CALIBRATION_DRAWS) -> float:
    """Mean operator norm of the unit law at width n, from ``draws`` matrices of a stream of its own."""
    generator = torch_generator(0, "operator norm", law, n)
    drawn = torch.stack([LAWS[law](n, generator) for _ in range(draws)])
    return float(torch.linalg.matrix_norm(drawn, 2).mean())
