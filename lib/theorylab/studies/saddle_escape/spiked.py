"""A rank-one signal in a noise matrix, theta u v^T + Z with Z_ij ~ N(0, 1/n): what a matrix method sees near a saddle.

The overlap phi(theta) = E <polar(theta u v^T + Z), u v^T> is the drift of a polar-factor method along the signal. It is
the derivative in theta of the mean nuclear norm, and Coulson's integral for the sum of absolute eigenvalues of the
dilation turns the characteristic function 1 - theta^2 m(z)^2 of a rank-one spike, m the semicircle's transform, into

    phi(theta) = (2/pi) (1/theta + (1 - 1/theta^2) arctan theta)        (limit n -> infinity),

analytic in theta: 8 theta / (3 pi) near zero, 2/pi at the detection edge theta = 1, 1 - 1/theta^2 + 8/(3 pi theta^3)
- ... towards one.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from theorylab.random import torch_generator
from theorylab.spectral import orthogonalize
from theorylab.studies.saddle_escape.gradient_noise import LAWS
from theorylab.studies.saddle_escape.matrix_steps import normalised
from theorylab.studies.saddle_escape.saddle import Saddle

INITIAL_SLOPE = 8 / (3 * np.pi)
SERIES_BELOW = 0.05


def limit_overlap(theta):
    """phi(theta), the large-n overlap of the exact polar factor with the spike; odd in theta."""
    theta = np.asarray(theta, dtype=float)
    safe = np.where(np.abs(theta) < SERIES_BELOW, 1.0, theta)
    formula = 2 / np.pi * (1 / safe + (1 - 1 / safe**2) * np.arctan(safe))
    # The series of the bracket: 4 theta/3 - 8 theta^3/15 + 12 theta^5/35, the terms of arctan collected.
    series = 2 / np.pi * theta * (4 / 3 - theta**2 * (8 / 15 - theta**2 * 12 / 35))
    return np.where(np.abs(theta) < SERIES_BELOW, series, formula)


def limit_leading_overlap(theta):
    """Large-n <u_1 v_1^T, u v^T> of the leading singular vectors: 1 - 1/theta^2 above the edge, 0 below."""
    theta = np.asarray(theta, dtype=float)
    return np.where(theta > 1, 1 - 1 / np.maximum(theta, 1) ** 2, 0.0)


def limit_top_value(theta):
    """Large-n largest singular value: theta + 1/theta above the edge, 2 below."""
    theta = np.asarray(theta, dtype=float)
    return np.where(theta > 1, theta + 1 / np.maximum(theta, 1), 2.0)


def initial_slope(Z: Tensor) -> Tensor:
    """phi'(0) given the noise Z (draws, n, n), averaged over u and v: 1/n^2 sum_{i != j} 1/(sigma_i + sigma_j).

    The polar factor of Z + theta u v^T moves by U [(A - A^T)_ij / (sigma_i + sigma_j)] V^T theta, A = U^T u v^T V; over
    Haar-random u and v the mean of A_ij A_ij is 1/n^2 and that of A_ij A_ji, i != j, is zero. An independent way to
    8/(3 pi), which the mean approaches like 1/n.
    """
    sigma = torch.linalg.svdvals(Z.double())
    inverse = 1 / (sigma[:, :, None] + sigma[:, None, :])
    return (inverse.sum((-2, -1)) - inverse.diagonal(dim1=-2, dim2=-1).sum(-1)) / sigma.shape[-1] ** 2


def sample(n: int, theta: float, draws: int, *, seed: int, law: str = "Gaussian") -> tuple[Saddle, Tensor]:
    """``draws`` spiked matrices (draws, n, n), float32, and the saddle whose u, v are their spikes.

    Draws come in pairs Z, -Z, which removes from a mean overlap what is odd in the noise, most of its fluctuation. The
    noise does not depend on theta: curves in theta share their draws. ``law``: one of ``gradient_noise.LAWS``.
    Raises ValueError for an odd number of draws.
    """
    if draws < 2 or draws % 2:
        raise ValueError(f"draws must be even and positive, got {draws}: they come in pairs Z, -Z")
    half = Saddle.delocalised(n, range(draws // 2), seed=seed)
    spikes = replace(half, u=half.u.repeat(2, 1), v=half.v.repeat(2, 1))
    noise = [LAWS[law](n, torch_generator(seed, "spiked", n, draw)) for draw in range(draws // 2)]
    Z = torch.stack(noise) / n**0.5
    return spikes, spikes.at(theta) + torch.cat([Z, -Z])


def overlaps(spikes: Saddle, G: Tensor, kind: str) -> np.ndarray:
    """Overlap with the spike, per draw, of one image of G.

    ``kind``: "exact" (polar factor), "quintic" (five steps of Muon's polynomial), "sign" (sign matrix over its
    Frobenius norm), "normalised" (G over its Frobenius norm), "leading" (u_1 v_1^T of the leading singular vectors).
    Raises ValueError for others.
    """
    if kind == "exact":
        image = orthogonalize(G, "exact")
    elif kind == "quintic":
        image = orthogonalize(G, "jordan")
    elif kind == "sign":
        image = torch.sign(G) / G.shape[-1]
    elif kind == "normalised":
        image = normalised(G)
    elif kind == "leading":
        U, _, Vh = torch.linalg.svd(G)
        image = U[:, :, :1] @ Vh[:, :1, :]
    else:
        raise ValueError(f'kind must be "exact", "quintic", "sign", "normalised" or "leading", got {kind!r}')
    return spikes.along(image).numpy()
