"""Full-batch descent on a matrix factorisation: losses over time and the step at which half of the loss is gone."""

import numpy as np
import torch
from torch import Tensor

from theorylab.studies.saddle_escape.factorisation import Factorisation
from theorylab.studies.saddle_escape.matrix_steps import method as method_of
from theorylab.studies.saddle_escape.matrix_steps import scaled


@torch.no_grad()
def descend(
    method: str, problem: Factorisation, X: Tensor, steps: int, *, convention: str = "NATIVE", stepsize: float = 0.1,
    until_half: bool = False,
) -> tuple[Tensor, np.ndarray]:  # fmt: skip
    """(last X, losses (steps + 1, trials)); with ``until_half`` the run ends when every trial has lost half."""
    chosen = method_of(method)
    state = tuple(torch.zeros_like(X) for _ in range(chosen.memory))
    lowest = problem.loss(X)
    losses = [lowest]
    for t in range(1, steps + 1):
        D, state = chosen.direction(problem.grad(X), state, t)
        X = (1 - stepsize * chosen.decay) * X - stepsize * scaled(D, convention)
        losses.append(problem.loss(X))
        lowest = torch.minimum(lowest, losses[-1])
        if until_half and bool((lowest <= losses[0] / 2).all()):
            break
    return X, torch.stack(losses).double().numpy()


def steps_to_half(losses: np.ndarray) -> np.ndarray:
    """First step at which the loss is at most half of the first one, per trial; the number of steps where none is."""
    below = losses <= losses[0] / 2
    return np.where(below.any(0), below.argmax(0), len(losses) - 1)
