"""The polar factor by dynamically weighted Halley iterations (Nakatsukasa, Bai and Gygi 2010; Nakatsukasa and Freund
2016 for the higher-order Zolotarev variant, see ``zolotarev``)."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from theorylab.spectral.exact import decomposition_error
from theorylab.spectral.scaling import frobenius

# Above this weight c the Cholesky factorisation of I + c X^H X would lose what the QR factorisation keeps.
CHOLESKY_BELOW = 100.0
MAX_ITERATIONS = 10
# Longer matrices are first reduced to their square triangular factor.
REDUCE_ABOVE = 1.15


class Weights(NamedTuple):
    """Weights of X <- X (a I + b X^H X)(I + c X^H X)^(-1)."""

    a: float
    b: float
    c: float


def weights(lower: float) -> Weights:
    """Weights that are best when the singular values lie in [lower, 1]; (3, 1, 3), Halley's, in the limit 1.

    d = (4 (1 - l^2) / l^4)^(1/3), a = sqrt(1 + d) + 1/2 sqrt(8 - 4 d + 8 (2 - l^2) / (l^2 sqrt(1 + d))),
    b = (a - 1)^2 / 4, c = a + b - 1. Raises ValueError unless 0 < lower <= 1.
    """
    if not 0 < lower <= 1:
        raise ValueError(f"lower must lie in (0, 1], got {lower!r}")
    square = lower**2
    d = (4 * (1 - square) / square**2) ** (1 / 3)
    a = math.sqrt(1 + d) + 0.5 * math.sqrt(8 - 4 * d + 8 * (2 - square) / (square * math.sqrt(1 + d)))
    b = (a - 1) ** 2 / 4
    return Weights(a, b, a + b - 1)


def schedule(lower: float, eps: float) -> list[Weights]:
    """Weights of all iterations from singular values in [lower, 1] until 1 - l < eps: at most six for lower = 1e-16.

    The count follows from ``lower`` alone, so that the iteration itself never waits for a device.
    """
    found = []
    while 1 - lower >= eps:
        if len(found) == MAX_ITERATIONS:
            raise ArithmeticError(f"the weights did not converge in {MAX_ITERATIONS} iterations; l is still {lower}")
        a, b, c = weights(lower)
        found.append(Weights(a, b, c))
        lower = min(lower * (a + b * lower**2) / (1 + c * lower**2), 1.0)
    return found or [weights(1.0)]


def step(matrix: Tensor, weight: Weights) -> Tensor:
    """One iteration on X of shape (..., m, n), m >= n: by QR of [sqrt(c) X; I] for c > 100, else by Cholesky."""
    a, b, c = weight
    if c > CHOLESKY_BELOW:
        root = math.sqrt(c)
        return (b / c) * matrix + ((a - b / c) / root) * resolvent_product(root * matrix)
    columns = matrix.shape[-1]
    identity = torch.eye(columns, dtype=matrix.dtype, device=matrix.device)
    # cholesky_ex reports instead of raising, which would wait for the device; the matrix is positive definite.
    factor, _ = torch.linalg.cholesky_ex(identity + c * (matrix.mH @ matrix))
    return (b / c) * matrix + (a - b / c) * torch.cholesky_solve(matrix.mH, factor).mH


def resolvent_product(matrix: Tensor) -> Tensor:
    """Q_1 Q_2^H = X (I + X^H X)^(-1) from the QR factorisation of [X; I], without forming X^H X."""
    rows, columns = matrix.shape[-2:]
    identity = torch.eye(columns, dtype=matrix.dtype, device=matrix.device).expand(*matrix.shape[:-2], columns, columns)
    stacked, _ = torch.linalg.qr(torch.cat([matrix, identity], dim=-2))
    return stacked[..., :rows, :] @ stacked[..., rows:, :].mH


class Start(NamedTuple):
    """X_0 with ||X_0|| <= 1, the factor Q that was split off (None: none), and a lower bound of its singular values
    (a host number: here the host waits for the device)."""

    matrix: Tensor
    outer: Tensor | None
    lower: float


def start(tall: Tensor) -> Start:
    """Scale by the Frobenius norm, reduce long matrices to their triangular factor, bound the singular values below.

    1/||R^(-1)||_F <= sigma_min for the triangular factor R; the smallest of the batch, 0 if one is singular. Where a
    narrower type cannot tell the bound from the error of its own factorisation, it is computed again in float64.
    """
    rows, columns = tall.shape[-2:]
    scaled = tall / frobenius(tall).to(tall.dtype)
    outer, triangular = torch.linalg.qr(scaled)
    lower = _bound(triangular)
    if lower < decomposition_error(tall.dtype, tall.shape) and tall.dtype != torch.float64:
        lower = _bound(torch.linalg.qr(scaled.double(), mode="r").R)
    if rows > REDUCE_ABOVE * columns:
        return Start(triangular, outer, lower)
    return Start(scaled, None, lower)


def _bound(triangular: Tensor) -> float:
    """0.9/||R^(-1)||_F, which is below sigma_min also when R is known to 10 % only; the smallest of the batch."""
    identity = torch.eye(triangular.shape[-1], dtype=triangular.dtype, device=triangular.device)
    inverse = torch.linalg.solve_triangular(triangular, identity.expand_as(triangular), upper=True)
    return 0.9 * float(torch.nan_to_num(1 / torch.linalg.matrix_norm(inverse), nan=0.0).min())


def by_qdwh(matrix: Tensor, tolerance: float) -> Tensor | None:
    """Polar factor of X of shape (..., m, n), m <= n, of full rank, or None when a singular value may be less than
    ``tolerance`` times the largest."""
    begin = start(matrix.mH)
    if begin.lower < tolerance:
        return None
    found = iterate(begin.matrix, min(begin.lower, 1.0))
    return (found if begin.outer is None else begin.outer @ found).mH


def iterate(tall: Tensor, lower: float) -> Tensor:
    """All iterations on X (..., m, n), m >= n, whose singular values lie in [``lower``, 1], whatever its rank."""
    for weight in schedule(lower, torch.finfo(tall.dtype).eps):
        tall = step(tall, weight)
    return tall
