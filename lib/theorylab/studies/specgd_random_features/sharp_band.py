"""Problems at the two ends of the decision band: where nr(G)/st(A) is nearly two, or nearly one half, and still names
the wrong step.

Gradient and features are diagonal, so that everything is a sum over the diagonals (computed in O(k) for large k).
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Diagonal(NamedTuple):
    """Diagonals of a gradient G and of features A, shape (k,) each, nonnegative."""

    gradient: Tensor
    features: Tensor


def margin(problem: Diagonal) -> float:
    """nr(G)/st(A) = (sum g)^2 / sum g^2 * max a^2 / sum a^2."""
    g, a = problem.gradient, problem.features
    return float(g.sum().square() / g.square().sum() * a.max().square() / a.square().sum())


def realised_ratio(problem: Diagonal) -> float:
    """delta_Spec / delta_GD for the steps 1/L and ||G||_*/L_F with the compact polar factor.

    With polar(G) = diag(g > 0) this is the margin times
    (2 - sum_{g > 0} a^2 / sum a^2) / (2 - sum g^2 a^2 / (max a^2 sum g^2)).
    """
    g, a = problem.gradient, problem.features
    spectral = 2 - a[g > 0].square().sum() / a.square().sum()
    euclidean = 2 - (g * a).square().sum() / (a.max().square() * g.square().sum())
    return margin(problem) * float(spectral / euclidean)


def upper_end(weak: float, leak: float) -> Diagonal:
    """A = diag(1, weak, weak), G = diag(leak, 1, 1): G avoids the spike, so GD does twice what it promised; its rank is
    full, so SpecGD does exactly that. As weak and leak vanish, leak faster than weak^2, nr/st tends to 2 from below and
    GD stays ahead. Raises ValueError for values outside (0, 1)."""
    if not (0 < weak < 1 and 0 < leak < 1):
        raise ValueError(f"weak and leak must lie in (0, 1), got {weak}, {leak}")
    one = torch.ones((), dtype=torch.float64)
    return Diagonal(torch.stack([leak * one, one, one]), torch.stack([one, weak * one, weak * one]))


def lower_end(mass: float, directions: int, quotient: float = 1.99) -> Diagonal:
    """G has 1 on the spike and ``mass`` spread over ``directions`` on which A vanishes: its energy lies on the spike,
    so GD does hardly more than it promised; its nuclear norm does not. A has further directions of size 1 that G
    does not touch, so many that st(A) is ``quotient`` nr(G) (rounded down), and SpecGD does nearly twice what it
    promised. For any quotient below 2 SpecGD is ahead once mass and directions/mass^2 are large, so nr/st may come
    as near to 1/2 as one likes.

    Raises ValueError for a mass that is not positive, directions < 1 or a quotient outside (1, 2).
    """
    if not mass > 0 or directions < 1 or not 1 < quotient < 2:
        raise ValueError(
            f"mass > 0, directions >= 1 and 1 < quotient < 2 are needed, got {mass}, {directions}, {quotient}"
        )
    touched = torch.cat([torch.ones(1), torch.full((directions,), mass / directions)]).double()
    untouched = int(quotient * float(touched.sum().square() / touched.square().sum())) - 1
    gradient = torch.cat([touched, torch.zeros(untouched, dtype=torch.float64)])
    features = torch.cat([torch.ones(1), torch.zeros(directions), torch.ones(untouched)]).double()
    return Diagonal(gradient, features)
