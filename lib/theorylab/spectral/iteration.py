"""Compositions of odd polynomials applied to matrices, directly or in the space of the Gram matrix.

One step X <- a X + (b A + c A^2) X with A = X X^T maps each singular value by p(x) = a x + b x^3 + c x^5 and keeps the
singular vectors. For X of shape (m, n), m <= n, alpha = n/m, T steps cost, in units of the 2 m^3 operations of one
m x m product:

==========================  ===================  ==========================
form                        general products     symmetric products at half
==========================  ===================  ==========================
direct, on X                T (2 alpha + 1)      T (3/2 alpha + 1/2)
Gram, on R = X X^T          4T - 3 + 2 alpha     (4T - 3)/2 + 3/2 alpha
==========================  ===================  ==========================

The Gram form iterates R <- Z R Z, Q <- Q Z with Z = a I + b R + c R^2, all polynomials in the first R and so symmetric
and commuting, and multiplies X by Q once (arXiv 2505.16932, appendix). It pays above alpha = 3/2 with general products
and above alpha = 1 with symmetric ones at half the cost. Its rounding errors are those of R, i.e. relative to the
squares of the singular values: R and Q are never held in less than float32, and beyond five steps the product Q X is
formed once on the way and R computed anew from it.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from theorylab.spectral.polynomials import OddQuintic
from theorylab.spectral.scaling import frobenius, nonzero

# Above this aspect ratio the Gram form is used; symmetric products cost 5/8 in four blocks, between the two columns.
GRAM_ASPECT = 1.5
# A block of rows must be large enough for its product to run at full speed (measured on a CPU).
BLOCK_ROWS, BLOCKS = 512, 4
BLOCK_DEPTH = 2048
RESTART_AFTER = 3
LONGEST_WITHOUT_RESTART = 5


def _in_blocks(left: Tensor) -> bool:
    """Whether half the product is worth leaving out: one large matrix on a CPU."""
    rows, depth = left.shape[-2:]
    return left.device.type == "cpu" and left.ndim == 2 and (rows >= BLOCK_ROWS or depth >= BLOCK_DEPTH)


def symmetric_product(left: Tensor, right: Tensor) -> Tensor:
    """``left @ right`` where the result is known to be symmetric: X X^T, or commuting symmetric factors.

    On a CPU, large products are computed in the lower triangle of a 4 x 4 block grid only and mirrored: 5/8 of the
    operations. Elsewhere the plain product is faster.
    """
    if not _in_blocks(left):
        return left @ right
    rows = left.shape[-2]
    product = left.new_empty(rows, rows)
    edges = [rows * block // BLOCKS for block in range(BLOCKS + 1)]
    for low, high in pairwise(edges):
        torch.mm(left[low:high], right[:, :high], out=product[low:high, :high])
    for low, high in pairwise(edges):
        product[:low, low:high] = product[low:high, :low].mT
    return product


def _multiply_add(matrix: Tensor, left: Tensor, right: Tensor, *, beta: float, alpha: float = 1.0) -> Tensor:
    """beta * matrix + alpha * left @ right in one pass, rounded once."""
    if matrix.ndim == 2:
        return torch.addmm(matrix, left, right, beta=beta, alpha=alpha)
    return torch.baddbmm(matrix, left, right, beta=beta, alpha=alpha)


def _quadratic(gram: Tensor, b: float, c: float) -> Tensor:
    """b A + c A^2, without the square when c is zero."""
    if c == 0:
        return b * gram
    if _in_blocks(gram):
        return symmetric_product(gram, gram).mul_(c).add_(gram, alpha=b)
    return _multiply_add(gram, gram, gram, beta=b, alpha=c)


def step(matrix: Tensor, polynomial: OddQuintic) -> Tensor:
    """a X + (b A + c A^2) X with A = X X^T: one odd polynomial applied to the singular values of X (m, n), m <= n."""
    a, b, c = polynomial
    gram = symmetric_product(matrix, matrix.mT)
    return _multiply_add(matrix, _quadratic(gram, b, c), matrix, beta=a)


def direct(matrix: Tensor, polynomials: Sequence[OddQuintic]) -> Tensor:
    """The composition of ``polynomials`` applied to X / ||X||_F, X of shape (m, n) or (B, m, n), in its own dtype."""
    matrix = (matrix / frobenius(matrix)).to(matrix.dtype)
    for polynomial in polynomials:
        matrix = step(matrix, polynomial)
    return matrix


def in_gram_space(matrix: Tensor, polynomials: Sequence[OddQuintic], *, restart: bool | None = None) -> Tensor:
    """The same composition by way of R = X X^T; ``restart`` (default: for more than five steps) forms Q X and a new R
    after three of them. R and Q are held in float32 when X has less."""
    if restart is None:
        restart = len(polynomials) > LONGEST_WITHOUT_RESTART
    cuts = [0, RESTART_AFTER, len(polynomials)] if restart else [0, len(polynomials)]
    dtype, matrix = matrix.dtype, matrix.to(torch.promote_types(matrix.dtype, torch.float32))
    for start, stop in pairwise(cuts):
        gram = symmetric_product(matrix, matrix.mT)
        scale = None
        if start == 0:
            # ||X||_F^2 is the trace of R; the scale of X is folded into Q, so that X is never rewritten.
            energy = nonzero(gram.diagonal(dim1=-2, dim2=-1).sum(-1))[..., None, None]
            gram, scale = gram / energy, energy.rsqrt()
        factor = _factor(gram, polynomials[start:stop])
        matrix = (factor if scale is None else factor * scale) @ matrix
    return matrix.to(dtype)


def _factor(gram: Tensor, polynomials: Sequence[OddQuintic]) -> Tensor:
    """Q with Q X the composition applied to X, from R = X X^T."""
    factor = None
    for number, (a, b, c) in enumerate(polynomials):
        step_factor = _quadratic(gram, b, c)
        step_factor.diagonal(dim1=-2, dim2=-1).add_(a)
        factor = step_factor if factor is None else symmetric_product(factor, step_factor)
        if number < len(polynomials) - 1:
            gram = symmetric_product(symmetric_product(step_factor, gram), step_factor)
    return factor


def compose(matrix: Tensor, polynomials: Sequence[OddQuintic]) -> Tensor:
    """The composition applied to X / ||X||_F, X (m, n) or (B, m, n) with m <= n, in the cheaper form."""
    rows, columns = matrix.shape[-2:]
    return (in_gram_space if columns > GRAM_ASPECT * rows else direct)(matrix, polynomials)
