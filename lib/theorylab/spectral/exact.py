"""Exact polar factors by the singular value decomposition and by the eigenvalues of the Gram matrix.

All functions take X of shape (..., m, n) with m <= n, real or complex, and return the compact factor U_r V_r^H, where r
counts the singular values above ``tolerance`` times the largest: null directions stay null.
"""

import torch
from torch import Tensor

from theorylab.spectral.iteration import symmetric_product
from theorylab.spectral.scaling import nonzero

# A float32 Gram matrix errs by about eps kappa^2: up to this kappa^2 the factor is as exact as float32 can say.
SINGLE_CONDITION_SQUARED = 8.0
# Trying float32 first costs little beside the float64 products when the matrix is at least this many times wider.
SINGLE_ASPECT = 4


def default_tolerance(dtype: torch.dtype, shape: torch.Size, working: torch.dtype | None = None) -> float:
    """Singular values below this share of the largest count as zero: 2 eps of the input type ``dtype`` (of the
    ``working`` type to which the input is rounded, if that is coarser), and at least max(m, n) eps of float64.

    The first is the rounding of the input, which moves singular values by at most about 0.6 eps times the largest: it
    separates null directions from those of a matrix of condition 10^6 in float32. The second is the error of the
    decomposition in float64 in which the rank is decided, whatever the type of the vectors.
    """
    rounding = max(torch.finfo(given).eps for given in (dtype, working or dtype))
    return max(2 * rounding, decomposition_error(torch.float64, shape))


def decomposition_error(dtype: torch.dtype, shape: torch.Size) -> float:
    """max(m, n) eps, in shares of the largest singular value: below it a decomposition in ``dtype`` cannot tell a
    singular value from its own error. In float32 null values come out as up to 0.2 n eps (the matrix of n x n signs of
    rank one), and a full-rank Gaussian matrix of 1024 x 1024 has smaller ones in one of five draws."""
    return max(shape[-2:]) * torch.finfo(dtype).eps


def by_svd(matrix: Tensor, tolerance: float) -> Tensor:
    """U_r V_r^H from the singular value decomposition of the tall orientation, about three times faster in LAPACK.

    Where the type of X cannot tell a singular value from zero but ``tolerance`` asks for it, r is counted in the
    singular values of X in float64; the vectors stay those of the decomposition in the type of X.
    """
    left, sigma, right = torch.linalg.svd(matrix.mH, full_matrices=False)
    doubtful = decomposition_error(matrix.dtype, matrix.shape)
    if tolerance < doubtful and bool((sigma[..., -1] <= doubtful * sigma[..., 0]).any()):
        sigma = torch.linalg.svdvals(matrix.mH.to(torch.complex128 if matrix.is_complex() else torch.float64))
    kept = sigma > tolerance * sigma[..., :1]
    return ((left * kept[..., None, :]) @ right).mH


def by_gram(matrix: Tensor, tolerance: float) -> Tensor:
    """U_r V_r^H = W_r Lambda_r^(-1/2) W_r^H X from X X^H = W Lambda W^H; X in float64 or complex128.

    Forming the Gram matrix squares the condition number: float64 resolves what a float32 input can hold (condition up
    to about 10^7) and no more, so input of more than that needs another method; directions that the Gram matrix cannot
    tell from rounding are null whatever ``tolerance`` says.
    """
    # Null eigenvalues come out as a few units of rounding of the largest one; 64 of them are 1e-7 in singular values.
    resolution = 8 * torch.finfo(matrix.dtype).eps ** 0.5
    return _factor(*_eigenvalues(matrix), max(tolerance, resolution)) @ matrix


def by_gram_of_narrow(matrix: Tensor, tolerance: float) -> Tensor:
    """The same for X in float32 or narrower (complex64), to the accuracy of float32 at every condition.

    Very rectangular input is tried in float32, which suffices when its condition number turns out to be small; reading
    it is the one wait for the device.
    """
    double = torch.complex128 if matrix.is_complex() else torch.float64
    if matrix.shape[-1] >= SINGLE_ASPECT * matrix.shape[-2]:
        eigenvalues, vectors = _eigenvalues(matrix)
        if bool((SINGLE_CONDITION_SQUARED * eigenvalues[..., 0] >= eigenvalues[..., -1]).all()):
            return _factor(eigenvalues, vectors, tolerance) @ matrix
    return by_gram(matrix.to(double), tolerance)


def _eigenvalues(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (increasing) and eigenvectors of X X^H."""
    gram = matrix @ matrix.mH if matrix.is_complex() else symmetric_product(matrix, matrix.mT)
    return torch.linalg.eigh(gram)


def _factor(eigenvalues: Tensor, vectors: Tensor, tolerance: float) -> Tensor:
    """The pseudo-inverse square root W_r Lambda_r^(-1/2) W_r^H."""
    kept = eigenvalues > tolerance**2 * eigenvalues[..., -1:]
    roots = torch.where(kept, nonzero(eigenvalues.clamp_min(0)).rsqrt(), 0)
    if vectors.is_complex():
        return (vectors * roots[..., None, :]) @ vectors.mH
    return symmetric_product(vectors * roots[..., None, :], vectors.mT)
