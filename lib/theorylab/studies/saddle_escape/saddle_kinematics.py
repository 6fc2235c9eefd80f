"""Directions at a held point: the state stays at s u v^T, the noise is drawn afresh, the method takes its direction.

What a trajectory mixes (where one is, and how one moves) is taken apart: the drift along u v^T, and the cosines of
successive directions and of a direction with u v^T, in the Frobenius inner product.
"""

import numpy as np
import torch

from theorylab.random import torch_generator
from theorylab.studies.saddle_escape.gradient_noise import Noise
from theorylab.studies.saddle_escape.matrix_steps import method as method_of
from theorylab.studies.saddle_escape.saddle import Saddle


@torch.no_grad()
def held(
    method: str,
    n: int,
    trials: int,
    noise: Noise,
    draws: int,
    *,
    seed: int,
    s: float = 0.5,
    operator: bool = True,
    **constants,
) -> dict[str, np.ndarray]:
    """Arrays (trials,) of means over ``draws`` steps with W = s u v^T held fixed:

    ``signal``: minus <D, u v^T> (the motion along the escape direction per unit step), ``operator``: the same over the
    operator norm of D (left out without ``operator``), ``cosine_signal``: over its Frobenius norm,
    ``cosine_successive``: <D, D'> / (||D|| ||D'||) of two directions in a row. Raises ValueError for fewer than two
    draws.
    """
    if draws < 2:
        raise ValueError(f"draws must be at least 2, got {draws}: successive directions are compared")
    chosen, saddle = method_of(method), Saddle.delocalised(n, range(trials), seed=seed, **constants)
    generators = [torch_generator(seed, "held", noise.law, n, trial) for trial in range(trials)]
    drift = saddle.grad(saddle.at(s))
    state = tuple(torch.zeros_like(drift) for _ in range(chosen.memory))
    seen: dict[str, list] = {"signal": [], "operator": [], "cosine_signal": [], "cosine_successive": []}
    previous = None
    for t in range(1, draws + 1):
        D, state = chosen.direction(drift + noise.draw(n, generators), state, t)
        signal, norm = -saddle.along(D), torch.linalg.matrix_norm(D)
        seen["signal"].append(signal)
        if operator:
            seen["operator"].append(signal / torch.linalg.matrix_norm(D, 2))
        seen["cosine_signal"].append(signal / norm)
        unit = D / norm[:, None, None]
        if previous is not None:
            seen["cosine_successive"].append((unit * previous).sum((-2, -1)))
        previous = unit
    return {name: torch.stack(values).double().mean(0).numpy() for name, values in seen.items() if values}


def interval(values: np.ndarray) -> tuple[float, float]:
    """Mean and standard error over trials."""
    values = np.asarray(values, dtype=float)
    return float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
