"""How long a method stays at a saddle: first-passage times, batched over trials, censored and never dropped.

Every trial has its own noise stream, named by seed, width, law and trial, whatever the method: runs are paired by trial
and do not depend on how they are batched. Trials that have escaped leave the batch.
"""

import math

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from theorylab.random import torch_generator
from theorylab.studies.saddle_escape import isotropic_escape
from theorylab.studies.saddle_escape.first_passage import first_passages
from theorylab.studies.saddle_escape.gradient_noise import Noise
from theorylab.studies.saddle_escape.matrix_steps import CONVENTIONS, scaled
from theorylab.studies.saddle_escape.matrix_steps import method as method_of
from theorylab.studies.saddle_escape.saddle import STATISTICS, Saddle

STEPSIZE, CAP, LONG_CAP = 0.1, 1500, 20_000
# Between two looks at who has escaped the device is never waited for.
LOOK_EVERY = 4


def escape(
    method: str,
    n: int,
    trials: int | range,
    noise: Noise,
    *,
    seed: int,
    convention: str = "NATIVE",
    stepsize: float | Tensor = STEPSIZE,
    statistics: tuple[str, ...] = ("S",),
    cap: int = CAP,
    entry: int | None = None,
    reduced: bool | None = None,
    device: str = "cpu",
    **constants,
) -> pd.DataFrame:
    """Escape times of runs from W = 0: one row per trial and statistic, with columns method, n, trial, statistic,
    ``tau`` (the cap where censored), ``censored``, and the ``loss``, ``orthogonal`` norm ||W - s u v^T||_F and
    ``signal`` s at that step. ``trials``: how many, or which.

    ``entry``: the escape direction is e_i e_i^T, i = ``entry`` (None: u and v are random unit vectors).
    ``constants`` (curvature, bulk) go to the :class:`Saddle`. ``reduced``: SGD and NGD in Gaussian noise
    are simulated exactly in law by two scalars (see ``isotropic_escape``); None does so wherever possible, False never.

    Raises ValueError for an unknown method, convention or statistic, no trials, a stepsize or cap that is not positive.
    """
    trials = trials if isinstance(trials, range) else range(trials)
    _check(method, trials, statistics, convention, stepsize, cap)
    possible = method in ("SGD", "NGD") and noise.law == "Gaussian" and "O" not in statistics
    if possible and reduced is not False:
        found = isotropic_escape.escape(
            method, n, trials, noise.deviation(n), seed=seed, convention=convention, stepsize=stepsize,
            statistics=statistics, cap=cap, **constants,
        )  # fmt: skip
    else:
        if entry is None:
            saddle = Saddle.delocalised(n, trials, seed=seed, device=device, **constants)
        else:
            saddle = Saddle.localised(n, trials, entry=entry, device=device, **constants)
        streams = _noise_streams(seed, noise, n, trials)
        found = _simulate(method, saddle, noise, streams, convention, stepsize, statistics, cap)
    rows = [
        pd.DataFrame({"method": method, "n": n, "trial": trials, "statistic": statistic, **found[statistic]})
        for statistic in statistics
    ]
    return pd.concat(rows, ignore_index=True)


def _check(method, trials, statistics, convention, stepsize, cap) -> None:
    method_of(method)
    if convention not in CONVENTIONS:
        raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}, got {convention!r}")
    if len(trials) < 1:
        raise ValueError(f"trials must be at least 1, got {len(trials)}")
    if unknown := set(statistics) - set(STATISTICS) or not statistics:
        raise ValueError(f"statistics must be some of {', '.join(STATISTICS)}, got {unknown or 'none'}")
    if not 0 < float(np.max(np.asarray(stepsize))) < math.inf or np.min(np.asarray(stepsize)) <= 0:
        raise ValueError(f"stepsize must be positive and finite, got {stepsize!r}")
    if cap < 1:
        raise ValueError(f"cap must be at least one step, got {cap}")


def _noise_streams(seed: int, noise: Noise, n: int, trials: range) -> list[torch.Generator]:
    return [torch_generator(seed, "saddle noise", noise.law, n, trial) for trial in trials]


@torch.no_grad()
def _simulate(name, saddle: Saddle, noise: Noise, generators, convention, stepsize, statistics, cap) -> dict:
    """First passages of the full matrix iteration: {statistic: {column: array}}."""
    method, W = method_of(name), saddle.start()
    trials, n = len(W), saddle.n
    state = tuple(torch.zeros_like(W) for _ in range(method.memory))
    rates = torch.as_tensor(stepsize, dtype=W.dtype, device=W.device).expand(trials)[:, None, None]
    passages = {q: first_passages(q, saddle) for q in statistics}
    s = saddle.along(W)
    for t in range(1, cap + 1):
        G = saddle.grad(W, s).add_(noise.draw(n, generators).to(W.device))
        D, state = method.direction(G, state, t)
        W = W * (1 - rates * method.decay) if method.decay else W
        W = torch.addcmul(W, rates, scaled(D, convention), value=-1)
        s = saddle.along(W)
        orthogonal_squared = saddle.orthogonal_squared(W, s)
        for passage in passages.values():
            passage.look(t, saddle, W, s, orthogonal_squared)
        if t % LOOK_EVERY == 0 or t == cap:
            waiting = torch.stack([passage.open for passage in passages.values()]).any(0)
            keep = (waiting & torch.isfinite(s)).nonzero()[:, 0]
            if len(keep) == 0:
                break
            if len(keep) < len(W):
                saddle, W, s, rates = saddle.select(keep), W[keep], s[keep], rates[keep]
                state = tuple(part[keep] for part in state)
                for passage in passages.values():
                    passage.keep(keep)
                generators = [generators[k] for k in keep.tolist()]
    return {q: passage.columns(cap) for q, passage in passages.items()}


def by_trial(found: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """D = n^2 in increasing order and tau of shape (trials, len(D)) of one method and statistic: what a slope needs."""
    pivot = found.pivot(index="trial", columns="n", values="tau")
    if pivot.isna().any().any():
        raise ValueError("found mixes runs of several methods or sizes: every trial needs one tau per n")
    return pivot.columns.to_numpy(dtype=float) ** 2, pivot.to_numpy(dtype=float)


def trajectory(
    method: str,
    n: int,
    trials: int,
    noise: Noise,
    steps: int,
    *,
    seed: int,
    stepsize: float = STEPSIZE,
    norms: bool = True,
    **constants,
) -> np.ndarray:
    """The signal s and, with ``norms``, the Frobenius and operator norms of W - s u v^T: (3, steps + 1, trials).

    Native steps; without ``norms`` the first axis has length one.
    """
    chosen = method_of(method)
    saddle = Saddle.delocalised(n, range(trials), seed=seed, **constants)
    generators = _noise_streams(seed, noise, n, range(trials))
    W, seen = saddle.start(), np.zeros((3 if norms else 1, steps + 1, trials))
    state = tuple(torch.zeros_like(W) for _ in range(chosen.memory))
    with torch.no_grad():
        for t in range(1, steps + 1):
            D, state = chosen.direction(saddle.grad(W) + noise.draw(n, generators), state, t)
            W = (1 - stepsize * chosen.decay) * W - stepsize * D
            seen[0, t] = s = saddle.along(W)
            if norms:
                orthogonal = W - saddle.direction * s[:, None, None]
                seen[1:, t] = torch.linalg.matrix_norm(orthogonal), torch.linalg.matrix_norm(orthogonal, 2)
    return seen
