"""Gradient descent and spectral gradient descent on a batch of layer regressions, each with its own guaranteed step.

Both minimise an upper bound of the quadratic f: GD the one with ||U||_F^2, SpecGD the one with ||U||_op^2. Runs of a
batch advance together; nothing here waits for the device.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from theorylab.spectral.orthogonalize import orthogonalize
from theorylab.studies.specgd_random_features.layer_regression import LayerRegression

MATRIX = (-2, -1)


def polar_factor(G: Tensor, tolerance: float = 0.0, method: str = "svd") -> Tensor:
    """U V^T of G = U Sigma V^T, without the directions whose singular value is at most ``tolerance`` times the largest.

    With ``tolerance`` 0 all directions stay, also those of a singular value that is zero up to rounding: their
    singular vectors are then whatever the decomposition returns. Polynomial methods know no tolerance.
    """
    exact = method in ("svd", "eigh")
    return orthogonalize(G, method, tolerance=tolerance if exact else None, check=False)


def gradient_step(problem: LayerRegression, G: Tensor) -> Tensor:
    """-G/L, the minimiser of <G, U> + (L/2) ||U||_F^2."""
    return -G / problem.lipschitz[..., None, None]


def spectral_step(problem: LayerRegression, G: Tensor, factor: Tensor) -> Tensor:
    """-(||G||_*/L_F) polar(G), a minimiser of <G, U> + (L_F/2) ||U||_op^2; ``factor`` is polar(G)."""
    length = (G * factor).sum(MATRIX) / problem.spectral_lipschitz
    return -length[..., None, None] * factor


@dataclass(frozen=True)
class GD:
    """W - multiple G/L. Euclidean steepest descent; source: Davis, section 11, before (9)."""

    multiple: float = 1.0

    def step(self, problem: LayerRegression, W: Tensor) -> Tensor:
        return W + self.multiple * gradient_step(problem, problem.gradient(W))


@dataclass(frozen=True)
class SpecGD:
    """W - multiple (||G||_*/L_F) polar(G). Source: Davis, (7) with alpha = n/||A||_F^2.

    ``tolerance`` and ``method`` as in :func:`polar_factor`; "jordan" gives Muon's five-step polynomial.
    """

    tolerance: float = 0.0
    multiple: float = 1.0
    method: str = "svd"

    def step(self, problem: LayerRegression, W: Tensor) -> Tensor:
        G = problem.gradient(W)
        return W + self.multiple * spectral_step(problem, G, polar_factor(G, self.tolerance, self.method))


@dataclass(frozen=True)
class ExactLineSearch:
    """The direction of ``method`` with the multiple that decreases f most; for GD this is Cauchy's steepest descent."""

    method: GD | SpecGD

    def step(self, problem: LayerRegression, W: Tensor) -> Tensor:
        U = self.method.step(problem, W) - W
        multiple = -(problem.gradient(W) * U).sum(MATRIX) / problem.curvature(U)
        return W + multiple[..., None, None] * U


def descend(method, problem: LayerRegression, W: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """The iterate after ``steps`` steps and the gaps on the way, shape (steps + 1, ...).

    Raises ValueError for a negative number of steps or weights of the wrong shape.
    """
    _check(problem, W, steps)
    gaps = [problem.gap(W)]
    for _ in range(steps):
        W = method.step(problem, W)
        gaps.append(problem.gap(W))
    return W, torch.stack(gaps)


def _check(problem: LayerRegression, W: Tensor, steps: int) -> None:
    if steps < 0:
        raise ValueError(f"steps must not be negative, got {steps}")
    if W.shape[-2:] != problem.cross.shape[-2:]:
        raise ValueError(
            f"W must have shape {tuple(problem.cross.shape[-2:])} (rows of Y by rows of A), got {tuple(W.shape[-2:])}; "
            "problem.zero() gives the usual start"
        )


def steps_to(method, problem: LayerRegression, level: float, limit: int = 2000) -> Tensor:
    """Steps from W = 0 until the gap is at most ``level`` times its first value, shape (...).

    Raises ValueError for a level outside (0, 1) and RuntimeError when some run needs more than ``limit`` steps.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    W = problem.zero()
    first = problem.gap(W)
    count = torch.zeros_like(first)
    for _ in range(limit):
        W = method.step(problem, W)
        above = problem.gap(W) > level * first
        count += above
        # One wait per step; the linear algebra of a step takes far longer.
        if not above.any():
            return count + 1
    raise RuntimeError(f"some run has not reached {level:g} of its first gap after {limit} steps; raise limit")


class Facts(NamedTuple):
    """What one point says about both steps, each of shape (...).

    ``nuclear_rank`` nr(G); ``guarantee_*`` the decrease promised by the bound, ||G||_F^2/(2 L) and ||G||_*^2/(2 L_F);
    ``decrease_*`` the decrease of f by that step; ``line_*`` the decrease with exact line search along the direction.
    The nuclear norm is the sum of the singular values and owes nothing to the polar factor of the step: another
    orthogonal matrix in its place does not keep what is promised here.
    """

    gap: Tensor
    nuclear_rank: Tensor
    guarantee_gd: Tensor
    guarantee_spec: Tensor
    decrease_gd: Tensor
    decrease_spec: Tensor
    line_gd: Tensor
    line_spec: Tensor


def facts(problem: LayerRegression, W: Tensor, tolerance: float = 0.0) -> tuple[Facts, Tensor, Tensor]:
    """Facts at W, and the two steps from there (Euclidean, spectral)."""
    G = problem.gradient(W)
    factor = polar_factor(G, tolerance)
    nuclear, energy = torch.linalg.svdvals(G).sum(-1), G.square().sum(MATRIX)
    euclidean, spectral = gradient_step(problem, G), spectral_step(problem, G, factor)
    found = Facts(
        gap=problem.gap(W),
        nuclear_rank=nuclear.square() / energy,
        guarantee_gd=energy / (2 * problem.lipschitz),
        guarantee_spec=nuclear.square() / (2 * problem.spectral_lipschitz),
        decrease_gd=problem.decrease(G, euclidean),
        decrease_spec=problem.decrease(G, spectral),
        line_gd=line_search_decrease(problem, G, G),
        line_spec=line_search_decrease(problem, G, factor),
    )
    return found, euclidean, spectral


def line_search_decrease(problem: LayerRegression, G: Tensor, direction: Tensor) -> Tensor:
    """max over s of f(W) - f(W - s D) = <G, D>^2 n / (2 ||D A||_F^2)."""
    return (G * direction).sum(MATRIX).square() / (2 * problem.curvature(direction))


def along_specgd(problem: LayerRegression, steps: int, tolerance: float = 0.0) -> Facts:
    """Facts along SpecGD from W = 0, each of shape (steps + 1, ...)."""
    W = problem.zero()
    points = []
    for t in range(steps + 1):
        found, _, spectral = facts(problem, W, tolerance)
        points.append(found)
        if t < steps:
            W = W + spectral
    return stacked(points)


def along_gd(problem: LayerRegression, times, tolerance: float = 0.0) -> Facts:
    """Facts at the GD iterates W_t from W = 0, for t in ``times``; each of shape (len(times), ...)."""
    return stacked([facts(problem, gd_iterate(problem, t), tolerance)[0] for t in times])


def stacked(points: list[Facts]) -> Facts:
    """One Facts from many, a new dimension in front."""
    return Facts(*(torch.stack(values) for values in zip(*points)))


def gd_iterate(problem: LayerRegression, t: int, step: Tensor | None = None) -> Tensor:
    """W_t of gradient descent from W = 0 in closed form: W* - W* (I - step H)^t; ``step`` is 1/L by default."""
    eigenvalues, vectors = problem.spectrum
    step = 1 / problem.lipschitz if step is None else step
    remaining = (1 - step[..., None] * eigenvalues) ** t
    return problem.solution - (problem.solution @ vectors * remaining[..., None, :]) @ vectors.mT


def gd_gradient(problem: LayerRegression, t: int) -> Tensor:
    """Gradient at W_t of gradient descent from W = 0: -W* H (I - H/L)^t. Without the difference that W H - C is, it
    keeps its accuracy when W_t has converged to rounding."""
    eigenvalues, vectors = problem.spectrum
    weights = eigenvalues * (1 - eigenvalues / eigenvalues[..., -1:]) ** t
    return -(problem.solution @ vectors * weights[..., None, :]) @ vectors.mT


def restarted(method, problem: LayerRegression, starts, steps: int) -> Tensor:
    """Gaps of runs of ``method`` that leave the GD trajectory at the times ``starts``, all in one batch: shape
    (len(starts), steps + 1, ...), NaN before a run has started. The start 0 is the run from W = 0.

    Raises ValueError for starts that do not increase or lie outside 0..steps.
    """
    starts = list(starts)
    if not starts or starts != sorted(set(starts)) or not 0 <= starts[0] <= starts[-1] <= steps:
        raise ValueError(f"starts must increase and lie between 0 and steps = {steps}, got {starts}")
    gaps = torch.full((len(starts), steps + 1, *problem.cross.shape[:-2]), torch.nan, dtype=problem.cross.dtype)
    gaps = gaps.to(problem.cross.device)
    W = problem.zero()[None][:0]
    for t in range(steps + 1):
        if len(W):
            W = method.step(problem, W)
        if t in starts:
            W = torch.cat([W, gd_iterate(problem, t)[None]])
        if len(W):
            gaps[: len(W), t] = problem.gap(W)
    return gaps


def gd_gap(problem: LayerRegression, times, step: Tensor | None = None) -> Tensor:
    """Gap of gradient descent from W = 0 after t steps, for t in ``times``: shape (len(times), ...), closed form
    (1/2) sum_j lambda_j (1 - step lambda_j)^(2 t) ||W* v_j||^2."""
    eigenvalues, vectors = problem.spectrum
    step = 1 / problem.lipschitz if step is None else step
    weights = 0.5 * eigenvalues * (problem.solution @ vectors).square().sum(-2)
    times = torch.as_tensor(times, dtype=eigenvalues.dtype, device=eigenvalues.device)
    powers = (1 - step[..., None] * eigenvalues) ** (2 * times.reshape(-1, *(1,) * eigenvalues.ndim))
    return (weights * powers).sum(-1)


def gd_steps_to(problem: LayerRegression, level: float, step: Tensor | None = None, limit: int = 2**30) -> Tensor:
    """Steps of gradient descent from W = 0 to ``level`` times the first gap, by bisection on the closed form.

    Raises ValueError for a level outside (0, 1) and RuntimeError when ``limit`` steps do not suffice.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), got {level}")
    target = level * gd_gap(problem, [0], step)[0]
    if bool((gd_gap(problem, [limit], step)[0] > target).any()):
        raise RuntimeError(f"some run needs more than {limit} steps to {level:g} of its first gap; raise limit")
    low, high = torch.zeros_like(target), torch.full_like(target, limit)
    while bool((high - low > 1).any()):
        middle = torch.floor((low + high) / 2)
        reached = _gap_at(problem, middle, step) <= target
        low, high = torch.where(reached, low, middle), torch.where(reached, middle, high)
    return high


def _gap_at(problem: LayerRegression, times: Tensor, step: Tensor | None) -> Tensor:
    """gd_gap with a time of its own for every problem of the batch."""
    eigenvalues, vectors = problem.spectrum
    step = 1 / problem.lipschitz if step is None else step
    weights = 0.5 * eigenvalues * (problem.solution @ vectors).square().sum(-2)
    return (weights * (1 - step[..., None] * eigenvalues) ** (2 * times[..., None])).sum(-1)
