"""Plausible ways of computing a polar factor that lose accuracy or break: the negative controls of this library.

Nothing here is used by a method. Each function does what its name says in the precision of its input, so that a check
can be seen to fail.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from theorylab.spectral import qdwh
from theorylab.spectral.orthogonalize import orthogonalize
from theorylab.spectral.polynomials import JORDAN, OddQuintic


def printed_listing(
    matrix: Tensor, *, steps: int = 5, epsilon: float = 1e-7, dtype: torch.dtype = torch.bfloat16
) -> Tensor:
    """The Newton-Schulz listing as printed: cast, divide by ||X||_F + epsilon, transpose if tall, A = X X^T,
    B = b A + c A^2, X <- a X + B X."""
    a, b, c = JORDAN
    x = matrix.to(dtype)
    x = x / (torch.linalg.vector_norm(x) + epsilon)
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    for _ in range(steps):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.T if tall else x


def gram_factor(matrix: Tensor) -> Tensor:
    """W Lambda^(-1/2) W^T X with the Gram matrix X X^T formed in the precision of X, eigenvalues clamped at eps."""
    eigenvalues, vectors = torch.linalg.eigh(matrix @ matrix.mT)
    floor = torch.finfo(matrix.dtype).eps * eigenvalues[-1]
    return (vectors * eigenvalues.clamp_min(floor).rsqrt()) @ vectors.mT @ matrix


def gram_iteration(matrix: Tensor, polynomials: Sequence[OddQuintic], *, restart_after: int | None = None) -> Tensor:
    """Composition in Gram space with R and Q held in the precision of X; ``restart_after`` steps Q X is formed and R
    computed anew."""
    x = (matrix / torch.linalg.vector_norm(matrix)).to(matrix.dtype)
    identity = torch.eye(x.shape[0], dtype=x.dtype, device=x.device)
    gram, factor = x @ x.T, identity
    for step, (a, b, c) in enumerate(polynomials):
        if step and step == restart_after:
            x = factor @ x
            gram, factor = x @ x.T, identity
        z = a * identity + b * gram + c * gram @ gram
        factor = factor @ z
        gram = z @ gram @ z
    return factor @ x


def with_epsilon(matrix: Tensor, epsilon: float = 1e-7) -> Tensor:
    """Exact factor of X, shrunk by ||X||_F / (||X||_F + epsilon): an absolute epsilon in an otherwise exact method."""
    norm = torch.linalg.matrix_norm(matrix, keepdim=True)
    return norm / (norm + epsilon) * orthogonalize(matrix, "exact")


def rows_by_qr(matrix: Tensor) -> Tensor:
    """Orthonormal rows (m, n), m <= n, from the QR factorisation of X^T, signs chosen so that it is unique."""
    factor, triangular = torch.linalg.qr(matrix.mT)
    return (factor * torch.sign(triangular.diagonal(dim1=-2, dim2=-1))[..., None, :]).mT


def halley_by_cholesky(tall: Tensor, condition: float) -> Tensor | None:
    """Dynamically weighted Halley iteration with the Cholesky form in every step, X (m, n), m >= n, ||X|| = 1, or
    None when I + c X^T X is not positive definite in floating point."""
    identity = torch.eye(tall.shape[1], dtype=tall.dtype)
    for a, b, c in qdwh.schedule(1 / condition, torch.finfo(tall.dtype).eps):
        factor, failed = torch.linalg.cholesky_ex(identity + c * (tall.mT @ tall))
        if failed:
            return None
        tall = (b / c) * tall + (a - b / c) * torch.cholesky_solve(tall.mT, factor).mT
    return tall
