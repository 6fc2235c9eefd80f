"""Spectral projectors by contour integrals of the resolvent, for real matrices through their Hermitian dilation.

The dilation [[0, G], [G^T, 0]] of an n x n matrix has the eigenvalues +-sigma_i with eigenvectors (u_i, +-v_i)/sqrt 2.
The projector on the eigenvalues inside a circle is 1/(2 pi i) times the integral of (z - A)^(-1); the trapezoidal rule
with N nodes at odd multiples of pi/N multiplies the eigenvector at distance d from the centre by 1/(1 + (d/r)^N),
inside and outside: the error is geometric, at the rate of the worst d/r or r/d, and does not fall when an eigenvalue
is on the circle.
"""

import torch
from torch import Tensor


def dilation(G: Tensor) -> Tensor:
    """[[0, G], [G^T, 0]], shape (2n, 2n) for G (n, n), in float64."""
    G = G.double()
    zero = torch.zeros_like(G)
    return torch.cat([torch.cat([zero, G], 1), torch.cat([G.T, zero], 1)])


def contour_projector(A: Tensor, centre: float, radius: float, nodes: int) -> Tensor:
    """The projector of the symmetric A on its eigenvalues inside the circle, by the trapezoidal rule.

    1/N sum_k r e^(i t_k) (z_k - A)^(-1) with z_k = centre + r e^(i t_k), t_k = 2 pi (k + 1/2)/N. Raises ValueError for
    fewer than two nodes or a radius that is not positive.
    """
    if nodes < 2 or radius <= 0:
        raise ValueError(f"nodes must be at least 2 and radius positive, got {nodes} and {radius}")
    angles = 2 * torch.pi * (torch.arange(nodes, dtype=torch.float64) + 0.5) / nodes
    offsets = torch.polar(torch.full_like(angles, radius), angles)
    identity = torch.eye(len(A), dtype=torch.complex128)
    resolvents = torch.linalg.inv((centre + offsets)[:, None, None] * identity - A)
    return (offsets[:, None, None] * resolvents).mean(0).real


def eigenprojector(A: Tensor, low: float, high: float) -> Tensor:
    """The projector of the symmetric A on its eigenvalues in (low, high), by eigendecomposition."""
    eigenvalues, vectors = torch.linalg.eigh(A)
    kept = vectors[:, (eigenvalues > low) & (eigenvalues < high)]
    return kept @ kept.T
