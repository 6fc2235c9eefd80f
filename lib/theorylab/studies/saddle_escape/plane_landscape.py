"""A loss on the plane W + alpha A + beta B through a frozen weight: how steep and how curved training is there.

The axes are those of the source's Figure 4 as far as it is printed: the exact gradient and its row and column
covariances. A = polar(G) is the steepest direction in the operator norm; B = C_r^(-1/4) G C_c^(-1/4), C_r and C_c the
mean row and column covariances of minibatch gradients (Shampoo's direction), made orthogonal to A. Both have operator
norm one.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from theorylab.spectral import orthogonalize

RIDGE = 1e-6
SLOPE_STEP, CURVATURE_STEP = 1e-6, 1e-2


def axes(G: Tensor, minibatch: Tensor) -> tuple[Tensor, Tensor]:
    """(A, B) for the gradient G (m, n) and minibatch gradients (count, m, n)."""
    rows = (minibatch @ minibatch.mT).mean(0)
    columns = (minibatch.mT @ minibatch).mean(0)
    return orthogonal_pair(orthogonalize(G, "exact"), _inverse_root(rows) @ G @ _inverse_root(columns))


def orthogonal_pair(A: Tensor, B: Tensor) -> tuple[Tensor, Tensor]:
    """A and the part of B orthogonal to A, both scaled to operator norm one."""
    B = B - (A * B).sum() / (A * A).sum() * A
    return A / torch.linalg.matrix_norm(A, 2), B / torch.linalg.matrix_norm(B, 2)


def _inverse_root(C: Tensor) -> Tensor:
    """C^(-1/4) with eigenvalues below 1e-6 of the largest raised to it."""
    eigenvalues, vectors = torch.linalg.eigh(C)
    return (vectors * eigenvalues.clamp_min(RIDGE * eigenvalues[-1]) ** -0.25) @ vectors.mT


@torch.no_grad()
def grid(loss: Callable[[Tensor], Tensor], W: Tensor, A: Tensor, B: Tensor, points: int = 41) -> np.ndarray:
    """Losses (points, points) at W + alpha A + beta B for alpha (rows) and beta (columns) evenly spaced in [-1, 1].

    Raises ValueError for an even number of points: the centre belongs to the grid.
    """
    if points < 3 or points % 2 == 0:
        raise ValueError(
            f"points must be odd and at least 3, got {points}: the frozen weight is the middle of the grid"
        )
    ticks = np.linspace(-1, 1, points).tolist()
    return np.array([[float(loss(W + alpha * A + beta * B)) for beta in ticks] for alpha in ticks])


def derivatives(loss: Callable[[Tensor], Tensor], W: Tensor, axis: Tensor) -> tuple[float, float]:
    """Slope and curvature of the loss along ``axis`` at W, by central differences of steps 1e-6 and 0.01.

    The small step stays clear of the kinks of a piecewise linear network, the large one averages over them.
    """

    def at(h: float) -> float:
        return float(loss(W + h * axis))

    h, H = SLOPE_STEP, CURVATURE_STEP
    return (at(h) - at(-h)) / (2 * h), (at(H) - 2 * at(0.0) + at(-H)) / H**2
