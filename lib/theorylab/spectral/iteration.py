"""Compositions of odd polynomials applied to matrices, directly or in the space of the Gram matrix.

One step X <- a X + (b A + c A^2) X with A = X X^T maps each singular value by p(x) = a x + b x^3 + c x^5 and keeps the
singular vectors. For X of shape (m, n), m <= n, alpha = n/m, T steps cost, in units of the 2 m^3 operations of one
m x m product:

==========================  ========================  ================================
form                        general products          symmetric products at half
==========================  ========================  ================================
direct, on X                T (2 alpha + 1)           T (3/2 alpha + 1/2)
in pairs of steps, T odd    (T - 1)(alpha + 5/2)      (T - 1)(3/4 alpha + 5/4)
                            + 2 alpha + 1             + 3/2 alpha + 1/2
Gram, on R = X X^T          4T - 3 + 2 alpha          (4T - 3)/2 + 3/2 alpha
==========================  ========================  ================================

The Gram form iterates R <- Z R Z, Q <- Q Z with Z = a I + b R + c R^2, all polynomials in the first R and so symmetric
and commuting, and multiplies X by Q once (arXiv 2505.16932, appendix). It pays above alpha = 3/2 with general products
and above alpha = 1 with symmetric ones at half the cost. Its rounding errors are those of R, i.e. relative to the
squares of the singular values: R and Q are never held in less than float32, and beyond five steps the product Q X is
formed once on the way and R computed anew from it.

Types narrower than float32 can do as much for two steps and no more: an error of eps in R has grown to eps a^2 when the
second step uses it, which is small beside one unless a is large; a third step meets eps a^4 and may leave the interval
on which the polynomials are bounded. The paper's appendix keeps everything in such a type by adding 1e-3 I to the
first R, with a restart after three steps. That bounds the result too, at 14 + 4 alpha for five steps against 11 + 6
alpha for pairs, but what it adds outweighs the squares of singular values below 0.03 ||X||_F: of a 64 x 256 matrix of
condition 10^3 in bfloat16 the smallest singular value of the result is 0.15, and 0.02 without the restart, where pairs
leave 0.51 and the Gram form in float32 0.48. So these types take the first step, whose slope a is the largest, by
itself and the rest in pairs, which pays above alpha = 3/2. Only where products in float32 are no more than about three
times slower does the Gram form pay above alpha = 12 even then.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from theorylab.spectral.batching import stacking_pays
from theorylab.spectral.polynomials import OddQuintic
from theorylab.spectral.scaling import exact_scale, frobenius, nonzero

# Above this aspect ratio the Gram form is used, in types narrower than float32 pairs of steps.
GRAM_ASPECT = 1.5
# Above this one the narrow types use the Gram form too, on devices where it pays at all (bfloat16 products were
# measured to be 2.3 times faster than float32 ones).
NARROW_GRAM_ASPECT = {"cpu": 12.0}
RESTART_AFTER = 3
# Symmetric products are computed in blocks of so many rows, on at most so many per side.
BLOCK_ROWS, MOST_BLOCKS = 128, 8
LONGEST_WITHOUT_RESTART = 5


def _blocks(left: Tensor) -> int:
    """Blocks per side for a symmetric product; a block must be large enough to run at full speed (measured)."""
    rows, depth = left.shape[-2:]
    if left.device.type != "cpu" or left.ndim > 2:
        return 1
    if torch.finfo(left.dtype).bits >= 32:
        return min(MOST_BLOCKS, max(1, rows // BLOCK_ROWS))
    if rows >= 512:
        return 4
    return 2 if rows >= 256 and depth >= 1024 else 1


def symmetric_product(left: Tensor, right: Tensor, out: Tensor | None = None) -> Tensor:
    """``left @ right`` where the result is known to be symmetric: X X^T, or commuting symmetric factors.

    On a CPU, large products are computed in the lower triangle of a k x k block grid only and mirrored: (k + 1)/(2k) of
    the operations, 3/4 at 256 rows, 5/8 at 512, 9/16 from 1024. Elsewhere the plain product is faster.
    """
    if _blocks(left) == 1:
        return torch.matmul(left, right, out=out)
    return _mirrored(left, lambda rows, columns, out: torch.mm(left[rows], right[:, columns], out=out), out)


def _mirrored(left: Tensor, fill: Callable[[slice, slice, Tensor], Tensor], out: Tensor | None) -> Tensor:
    """A symmetric matrix from ``fill``, which writes the block (rows, columns) of the lower triangle into ``out``."""
    rows, blocks = left.shape[-2], _blocks(left)
    product = left.new_empty(rows, rows) if out is None else out
    edges = [rows * block // blocks for block in range(blocks + 1)]
    for low, high in pairwise(edges):
        fill(slice(low, high), slice(high), product[low:high, :high])
    for low, high in pairwise(edges):
        product[:low, low:high] = product[low:high, :low].mT
    return product


def _multiply_add(
    matrix: Tensor, left: Tensor, right: Tensor, *, beta: float, alpha: float = 1.0, out: Tensor | None = None
) -> Tensor:
    """beta * matrix + alpha * left @ right in one pass, rounded once."""
    fused = torch.addmm if matrix.ndim == 2 else torch.baddbmm
    return fused(matrix, left, right, beta=beta, alpha=alpha, out=out)


def _symmetric_multiply_add(
    matrix: Tensor, left: Tensor, right: Tensor, *, beta: float, alpha: float = 1.0, out: Tensor | None = None
) -> Tensor:
    """The same where matrix and left @ right are known to be symmetric."""
    if _blocks(left) == 1:
        return _multiply_add(matrix, left, right, beta=beta, alpha=alpha, out=out)

    def fill(rows, columns, out):
        return torch.addmm(matrix[rows, columns], left[rows], right[:, columns], beta=beta, alpha=alpha, out=out)

    return _mirrored(left, fill, out)


def _increment(gram: Tensor, polynomial: OddQuintic, out: Tensor | None = None) -> Tensor:
    """B = b R + c R^2, where one step multiplies X by Z = a I + B."""
    _, b, c = polynomial
    return _symmetric_multiply_add(gram, gram, gram, beta=b, alpha=c, out=out) if c else torch.mul(gram, b, out=out)


def _factor(gram: Tensor, polynomials: Sequence[OddQuintic]) -> Tensor:
    """Q with Q X the composition applied to X, from R = X X^T; products with Z = a I + B are rounded once."""
    factor = None
    for number, polynomial in enumerate(polynomials):
        a, increment = polynomial.a, _increment(gram, polynomial)
        if number < len(polynomials) - 1:
            half = _symmetric_multiply_add(gram, gram, increment, beta=a)
            gram = _symmetric_multiply_add(half, half, increment, beta=a)
        if factor is None:
            factor = increment
            diagonal = factor.diagonal(dim1=-2, dim2=-1)
            # Rounded once: its entries are nearly equal, so that their errors would add up rather than cancel.
            diagonal.copy_(diagonal.to(torch.promote_types(gram.dtype, torch.float32)) + a)
        else:
            factor = _symmetric_multiply_add(factor, factor, increment, beta=a)
    return factor


def step(
    matrix: Tensor, polynomial: OddQuintic, out: Tensor | None = None, work: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """a X + (b A + c A^2) X with A = X X^T: one odd polynomial applied to the singular values of X (m, n), m <= n.

    The result is written to ``out`` and the two m x m matrices on the way to ``work``, where they are given.
    """
    for_gram, for_increment = work or (None, None)
    increment = _increment(symmetric_product(matrix, matrix.mT, for_gram), polynomial, for_increment)
    return _multiply_add(matrix, increment, matrix, beta=polynomial.a, out=out)


def _normalized(matrix: Tensor) -> Tensor:
    """X / ||X||_F, up to the rounding of the norm to the dtype of X (0.4 % in bfloat16); a new matrix."""
    scaled = matrix * exact_scale(matrix)
    return scaled.mul_((1 / frobenius(scaled)).to(matrix.dtype))


def direct(matrix: Tensor, polynomials: Sequence[OddQuintic]) -> Tensor:
    """The composition of ``polynomials`` applied to X / ||X||_F, X of shape (m, n) or (B, m, n), in its own dtype."""
    matrix = _normalized(matrix)
    if matrix.ndim == 2 or stacking_pays(matrix):
        return _iterated(matrix, polynomials, *_buffers(matrix))
    buffers = _buffers(matrix[0])
    for item in matrix:
        item.copy_(_iterated(item, polynomials, *buffers))
    return matrix


def _buffers(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Memory of the shape of X and twice of X X^T: on a CPU fresh memory costs more than reading and writing it."""
    grams = [matrix.new_empty(*matrix.shape[:-1], matrix.shape[-2]) for _ in range(2)]
    return torch.empty_like(matrix), *grams


def _iterated(matrix: Tensor, polynomials: Sequence[OddQuintic], spare: Tensor, *work: Tensor) -> Tensor:
    """All steps on X, which is overwritten, as is ``spare``: two buffers in turn, one of which is returned."""
    for polynomial in polynomials:
        matrix, spare = step(matrix, polynomial, out=spare, work=work), matrix
    return matrix


def in_pairs(matrix: Tensor, polynomials: Sequence[OddQuintic]) -> Tensor:
    """The same composition, the first step by itself and then two at a time with one Gram matrix."""
    matrix = _normalized(matrix)
    spare = torch.empty_like(matrix)
    matrix, spare = step(matrix, polynomials[0], out=spare), matrix
    for first in range(1, len(polynomials), 2):
        factor = _factor(symmetric_product(matrix, matrix.mT), polynomials[first : first + 2])
        matrix, spare = torch.matmul(factor, matrix, out=spare), matrix
    return matrix


def in_gram_space(matrix: Tensor, polynomials: Sequence[OddQuintic], *, restart: bool | None = None) -> Tensor:
    """The same composition by way of R = X X^T; ``restart`` (default: for more than five steps) forms Q X and a new R
    after three of them. R and Q are held in float32 when X has less."""
    if restart is None:
        restart = len(polynomials) > LONGEST_WITHOUT_RESTART
    cuts = [0, RESTART_AFTER, len(polynomials)] if restart else [0, len(polynomials)]
    wide = torch.promote_types(matrix.dtype, torch.float32)
    matrix = matrix * exact_scale(matrix)
    for start, stop in pairwise(cuts):
        full = matrix.to(wide)
        gram, scale = symmetric_product(full, full.mT), None
        if start == 0:
            # ||X||_F^2 is the trace of R; the scale of X is folded into Q, so that X is never rewritten.
            energy = nonzero(gram.diagonal(dim1=-2, dim2=-1).sum(-1))[..., None, None]
            gram, scale = gram / energy, energy.rsqrt()
        factor = _factor(gram, polynomials[start:stop])
        matrix = _product_in_two(factor if scale is None else factor * scale, matrix)
    return matrix


def _product_in_two(factor: Tensor, matrix: Tensor) -> Tensor:
    """Q X in the dtype of X. For X in bfloat16, Q = Q_hi + Q_lo keeps 16 bits of Q in two bfloat16 products: entries of
    Q are large where those of the result cancel, and 8 bits would not do."""
    if matrix.dtype != torch.bfloat16:
        return (factor @ matrix.to(factor.dtype)).to(matrix.dtype)
    high = factor.bfloat16()
    low = (factor - high).bfloat16()
    return _multiply_add(low @ matrix, high, matrix, beta=1)


def compose(matrix: Tensor, polynomials: Sequence[OddQuintic]) -> Tensor:
    """The composition applied to X / ||X||_F, X (m, n) or (B, m, n) with m <= n, in the cheapest form."""
    rows, columns = matrix.shape[-2:]
    if columns <= GRAM_ASPECT * rows:
        return direct(matrix, polynomials)
    if matrix.ndim == 3 and not stacking_pays(matrix):
        return torch.stack([compose(item, polynomials) for item in matrix])
    narrow = torch.finfo(matrix.dtype).bits < 32
    if narrow and columns <= NARROW_GRAM_ASPECT.get(matrix.device.type, math.inf) * rows:
        return in_pairs(matrix, polynomials)
    return in_gram_space(matrix, polynomials)
