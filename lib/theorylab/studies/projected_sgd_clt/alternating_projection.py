"""Projection on an intersection from projections on the two balls: Dykstra's algorithm, and what is left without his
correction."""

import numpy as np

CENTRES = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])


def onto_ball(y, centre, radius: float = 2.0):
    """Nearest points of a ball for the rows of ``y`` (n, 3)."""
    away = y - centre
    size = np.linalg.norm(away, axis=-1, keepdims=True)
    return centre + away * np.minimum(1, radius / np.maximum(size, radius * 1e-300))


def alternate(y, sweeps: int, correction: bool = True):
    """``sweeps`` rounds of projections of the rows of ``y`` on the two balls of the lens in turn.

    With ``correction`` this is Dykstra's algorithm, which converges to the nearest point of the lens; without it the
    limit lies in the lens and is another point. Raises ValueError for ``sweeps`` below 1.
    """
    if sweeps < 1:
        raise ValueError(f"sweeps must be at least 1, got {sweeps}")
    x = np.array(y, dtype=float)
    memory = np.zeros((2, *x.shape))
    for _ in range(sweeps):
        for i, centre in enumerate(CENTRES):
            corrected = x + memory[i]
            x = onto_ball(corrected, centre)
            if correction:
                memory[i] = corrected - x
    return x
