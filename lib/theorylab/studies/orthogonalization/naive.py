"""Plausible ways of computing a polar factor that lose accuracy or break: the negative controls of this library.

Nothing here is used by a method. Each function does what its name says in the precision of its input, so that a check
can be seen to fail.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from theorylab.spectral import iteration, qdwh
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
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


def gram_factor(matrix: Tensor) -> Tensor:
    """W Lambda^(-1/2) W^T X with the Gram matrix X X^T formed in the precision of X, eigenvalues clamped at eps."""
    eigenvalues, vectors = torch.linalg.eigh(matrix @ matrix.mT)
    floor = torch.finfo(matrix.dtype).eps * eigenvalues[-1]
    return (vectors * eigenvalues.clamp_min(floor).rsqrt()) @ vectors.mT @ matrix


def gram_iteration(
    matrix: Tensor, polynomials: Sequence[OddQuintic], *, restart_every: int | None = None, shift: float = 0.0
) -> Tensor:
    """Composition in Gram space, R <- Z R Z and Q <- Q Z, with R and Q held in the precision of X.

    Every ``restart_every`` steps Q X is formed and R computed anew; ``shift`` times the identity is added to the first
    R, as in arXiv 2505.16932, Appendix F.
    """
    x, gram, factor, identity = _gram_start(matrix, 0.0, shift)
    for step, (a, b, c) in enumerate(polynomials):
        if restart_every and step and step % restart_every == 0:
            x = factor @ x
            gram, factor = x @ x.T, identity
        z = a * identity + b * gram + c * gram @ gram
        factor = factor @ z
        gram = z @ gram @ z
    return factor @ x


def algorithm_four(
    matrix: Tensor, polynomials: Sequence[OddQuintic], *, restart_every: int | None = None, shift: float = 0.0
) -> Tensor:
    """Algorithm 4 of arXiv 2505.16932 as printed, transposed to X (m, n), m <= n: Y = X X^T stays, R = Q^T Y Q is
    formed in every step. The norm is divided out as ||X||_F + ``shift``, and ``shift`` I is added to the first Y."""
    x, gram, factor, identity = _gram_start(matrix, shift, shift)
    for step, (a, b, c) in enumerate(polynomials):
        if restart_every and step and step % restart_every == 0:
            x = factor @ x
            gram, factor = x @ x.T, identity
        r = factor.T @ gram @ factor
        factor = factor @ (a * identity + r @ (b * identity + c * r))
    return factor @ x


def _gram_start(matrix: Tensor, epsilon: float, shift: float):
    x = (matrix / (torch.linalg.vector_norm(matrix) + epsilon)).to(matrix.dtype)
    identity = torch.eye(x.shape[0], dtype=x.dtype, device=x.device)
    return x, x @ x.T + shift * identity, identity, identity


def with_epsilon(matrix: Tensor, epsilon: float = 1e-7) -> Tensor:
    """Exact factor of X, shrunk by ||X||_F / (||X||_F + epsilon): an absolute epsilon in an otherwise exact method."""
    norm = torch.linalg.matrix_norm(matrix, keepdim=True)
    return norm / (norm + epsilon) * orthogonalize(matrix, "exact")


def rows_by_qr(matrix: Tensor) -> Tensor:
    """Orthonormal rows (m, n), m <= n, from the QR factorisation of X^T, signs chosen so that it is unique."""
    factor, triangular = torch.linalg.qr(matrix.mT)
    return (factor * torch.sign(triangular.diagonal(dim1=-2, dim2=-1))[..., None, :]).mT


def rows_normalised(matrix: Tensor) -> Tensor:
    """Each row divided by its own norm."""
    return torch.nn.functional.normalize(matrix, dim=-1)


def batch_together(matrix: Tensor) -> Tensor:
    """Five steps of Jordan's polynomial after division by the norm of all matrices of the batch together."""
    return _five_steps(matrix / torch.linalg.vector_norm(matrix))


def _five_steps(matrix: Tensor) -> Tensor:
    for _ in range(5):
        matrix = iteration.step(matrix, JORDAN)
    return matrix


def completed(matrix: Tensor) -> Tensor:
    """U V^T with all singular vectors: null directions are filled up, so that the result always has orthonormal rows
    or columns."""
    left, _, right = torch.linalg.svd(matrix.double(), full_matrices=False)
    return (left @ right).to(matrix.dtype)


def unnormalised(matrix: Tensor) -> Tensor:
    """Five steps of Jordan's polynomial on 1.3 X: for ||X|| = 1 beyond its last fixed point."""
    return _five_steps(1.3 * matrix)


def in_place(matrix: Tensor) -> Tensor:
    """The exact factor; on the way the matrix itself is normalised in place, as listings do with ``X /= norm``."""
    matrix /= torch.linalg.vector_norm(matrix)
    return orthogonalize(matrix, "exact")


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
