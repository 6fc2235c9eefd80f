"""The polar factor by Zolotarev's rational functions: two iterations of high order (Nakatsukasa and Freund 2016).

The best rational approximation of type (2r+1, 2r) to the sign on [-1, -l] and [l, 1] is
x M prod_j (x^2 + c_{2j}) / (x^2 + c_{2j-1}), c_j = l^2 sn^2(u_j) / cn^2(u_j), u_j = j K / (2r + 1), with Jacobi's
elliptic functions of complementary modulus l (parameter 1 - l^2). r = 1 is the dynamically weighted Halley iteration.
"""

import functools
import math
from typing import NamedTuple

import mpmath
import torch
from torch import Tensor

from theorylab.spectral.qdwh import resolvent_product, start

DIGITS = 50
MAX_ORDER = 8
# 1 - l below this counts as converged: a few units in the last place of double precision.
CONVERGED = 1e-15


class Rational(NamedTuple):
    """M, the poles c_1, c_3, ..., their weights a_j, and the lower end 1 - ... that [l, 1] is mapped to."""

    scale: float
    poles: tuple[float, ...]
    weights: tuple[float, ...]
    lower: float


def _coefficients(lower, order: int):
    """c_1..c_2r and M in mpmath numbers."""
    parameter = 1 - mpmath.mpf(lower) ** 2
    quarter = mpmath.ellipk(parameter)
    c = []
    for j in range(1, 2 * order + 1):
        u = j * quarter / (2 * order + 1)
        c.append(
            mpmath.mpf(lower) ** 2
            * (mpmath.ellipfun("sn", u, m=parameter) / mpmath.ellipfun("cn", u, m=parameter)) ** 2
        )
    scale = mpmath.mpf(1)
    for j in range(order):
        scale *= (1 + c[2 * j]) / (1 + c[2 * j + 1])
    return c, scale


def advance(lower, order: int):
    """The lower end l of [l, 1] after one iteration of ``order``, in ``DIGITS`` digits (an mpmath number)."""
    with mpmath.workdps(DIGITS):
        c, scale = _coefficients(lower, order)
        value = scale * lower
        for j in range(order):
            value *= (lower**2 + c[2 * j + 1]) / (lower**2 + c[2 * j])
        return value


@functools.lru_cache(maxsize=256)
def rational(lower: float, order: int) -> Rational:
    """Partial fractions M (x + sum_j a_j x / (x^2 + c_{2j-1})) for singular values in [lower, 1], computed in 50
    digits.

    Raises ValueError unless 0 < lower < 1 and 1 <= order <= 8.
    """
    if not 0 < lower < 1 or not 1 <= order <= MAX_ORDER:
        raise ValueError(f"0 < lower < 1 and 1 <= order <= {MAX_ORDER} are needed, got {lower!r} and {order!r}")
    with mpmath.workdps(DIGITS):
        c, scale = _coefficients(lower, order)
        poles, zeros = c[0::2], c[1::2]
        weights = []
        for j, pole in enumerate(poles):
            numerator = denominator = mpmath.mpf(1)
            for k in range(order):
                numerator *= pole - zeros[k]
                denominator *= pole - poles[k] if k != j else 1
            weights.append(-numerator / denominator)
        return Rational(
            float(scale), tuple(map(float, poles)), tuple(map(float, weights)), float(advance(lower, order))
        )


@functools.lru_cache(maxsize=256)
def order_for(lower: float) -> int:
    """The smallest order whose two iterations bring [lower, 1] to within 1e-15 of one; 8 if none does."""
    for order in range(1, MAX_ORDER):
        if 1 - advance(advance(mpmath.mpf(lower), order), order) < CONVERGED:
            return order
    return MAX_ORDER


def step(matrix: Tensor, function: Rational, *, orthogonal: bool) -> Tensor:
    """One iteration on X (..., m, n), m >= n: the r terms X (X^H X + c I)^(-1) by QR (``orthogonal``) or Cholesky."""
    total = matrix
    identity = torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    gram = None if orthogonal else matrix.mH @ matrix
    for pole, weight in zip(function.poles, function.weights):
        if orthogonal:
            term = resolvent_product(matrix / math.sqrt(pole)) / math.sqrt(pole)
        else:
            factor, _ = torch.linalg.cholesky_ex(gram + pole * identity)
            term = torch.cholesky_solve(matrix.mH, factor).mH
        total = total + weight * term
    return function.scale * total


def by_zolotarev(matrix: Tensor, tolerance: float, order: int | None = None) -> Tensor | None:
    """Polar factor of X of shape (..., m, n), m <= n, of full rank, or None when a singular value may be less than
    ``tolerance`` times the largest. ``order`` defaults to the smallest one that needs two iterations."""
    begin = start(matrix.mH)
    if begin.lower < tolerance:
        return None
    # Rounded down to two digits: a lower bound remains one, and the elliptic functions are computed once for many
    # calls.
    exponent = math.floor(math.log10(begin.lower))
    lower = min(math.floor(begin.lower / 10.0**exponent * 10) * 10.0 ** (exponent - 1), 0.99)
    found, _ = iterate(begin.matrix, order or order_for(lower), lower)
    return (found if begin.outer is None else begin.outer @ found).mH


def iterate(tall: Tensor, order: int, lower: float) -> tuple[Tensor, int]:
    """All iterations on X (..., m, n), m >= n, whose singular values lie in [``lower``, 1], and their number: the
    first by QR, the others by Cholesky."""
    count = 0
    while 1 - lower >= max(torch.finfo(tall.dtype).eps, CONVERGED):
        function = rational(lower, order)
        tall = step(tall, function, orthogonal=count == 0)
        lower, count = function.lower, count + 1
    return tall, count
