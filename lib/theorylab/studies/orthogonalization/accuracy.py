"""How near a matrix is to the polar factor, said in the three ways that must be said together.

A matrix can have orthonormal rows and be far from U V^T; singular values can look fine and orthogonality be poor.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from theorylab.spectral import iteration
from theorylab.spectral.polynomials import OddQuintic


class Errors(NamedTuple):
    """Smallest and largest singular value of O, ||O O^T - I||_F / sqrt(m), ||O - U V^T||_F / sqrt(m)."""

    low: float
    high: float
    orthogonality: float
    forward: float


def exact_factor(matrix: Tensor) -> Tensor:
    """U V^T of X of shape (m, n) from the singular value decomposition of its tall orientation in float64."""
    tall = matrix.double() if matrix.shape[0] >= matrix.shape[1] else matrix.double().mT
    left, _, right = torch.linalg.svd(tall, full_matrices=False)
    factor = left @ right
    return factor if tall.shape == matrix.shape else factor.mT


def errors(found: Tensor, factor: Tensor) -> Errors:
    """Errors of O (m, n), m <= n, against the exact ``factor``, computed in float64; infinite where O is not finite."""
    found = found.double()
    if not torch.isfinite(found).all():
        return Errors(math.nan, math.inf, math.inf, math.inf)
    sigma = torch.linalg.svdvals(found.mT)
    root = math.sqrt(len(sigma))
    # O O^T - I has the eigenvalues sigma^2 - 1.
    orthogonality = float(torch.linalg.vector_norm(sigma**2 - 1)) / root
    forward = float(torch.linalg.matrix_norm(found - factor)) / root
    return Errors(float(sigma.min()), float(sigma.max()), orthogonality, forward)


def iterates(matrix: Tensor, polynomials: Sequence[OddQuintic]) -> Iterator[Tensor]:
    """X (m, n) after each step, in its own dtype and without any normalisation."""
    for polynomial in polynomials:
        matrix = iteration.step(matrix, polynomial)
        yield matrix


def spectral_distances(matrix: Tensor, factor: Tensor, polynomials: Sequence[OddQuintic]) -> list[float]:
    """||X_k - U V^T|| in spectral norm after each step, infinite once the iterates have diverged."""
    return [_spectral_norm(x - factor) for x in iterates(matrix, polynomials)]


def _spectral_norm(matrix: Tensor) -> float:
    return float(torch.linalg.matrix_norm(matrix.mT, ord=2)) if torch.isfinite(matrix).all() else math.inf
