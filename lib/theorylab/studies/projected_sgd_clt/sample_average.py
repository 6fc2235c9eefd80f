"""Sample average approximation on the lens or a ball: minimise <c + mean of k normals, x>, in closed form.

The mean of k standard normal vectors is N(0, I / k), so that it is drawn directly: k costs nothing.
"""

import numpy as np

from theorylab.studies.projected_sgd_clt import lens


def saa_solutions(objective, steps: int, noise) -> np.ndarray:
    """Solutions for the standard normal draws ``noise`` (replicates, 3), shape (replicates, 3).

    Raises ValueError for ``steps`` below 1.
    """
    if steps < 1:
        raise ValueError(f"steps, the number of samples averaged, must be at least 1, got {steps}")
    return lens.support_point(-(np.asarray(objective) + np.asarray(noise) / np.sqrt(steps)))


def saa_deviations(objective, star, steps: int, noise) -> np.ndarray:
    """sqrt(k) (solution - star), shape (replicates, 3)."""
    return np.sqrt(steps) * (saa_solutions(objective, steps, noise) - star)


def ball_solutions(objective, steps: int, noise) -> np.ndarray:
    """Solutions over the unit ball, -(c + mean) / ||c + mean||, for the normal draws ``noise`` (replicates, d).

    Raises ValueError for ``steps`` below 1.
    """
    if steps < 1:
        raise ValueError(f"steps, the number of samples averaged, must be at least 1, got {steps}")
    sampled = np.asarray(objective) + np.asarray(noise) / np.sqrt(steps)
    return -sampled / np.linalg.norm(sampled, axis=-1, keepdims=True)
