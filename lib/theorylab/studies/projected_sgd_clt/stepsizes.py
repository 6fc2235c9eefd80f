"""Polynomial step sizes and dual-averaging weights k^-a."""

import numpy as np


def stepsizes(exponents, first: int, count: int) -> np.ndarray:
    """eta_k = k^-a for k = first, ..., first + count - 1: shape (len(exponents), count).

    Raises ValueError for an exponent outside (0, 2]: at 0 the iterates never settle, and beyond 2 they stop moving
    after a few steps.
    """
    exponents = np.atleast_1d(np.asarray(exponents, dtype=float))
    if not ((exponents > 0) & (exponents <= 2)).all():
        raise ValueError(
            f"step-size exponents must lie in (0, 2], got {exponents.tolist()}; the theory asks for (1/2, 1), "
            "for example 0.75"
        )
    return np.arange(first, first + count, dtype=float) ** -exponents[:, None]


def dual_weights(exponents, first: int, count: int) -> np.ndarray:
    """Weights alpha_k = k^-b of dual averaging, laid out like :func:`stepsizes`; constant weights b = 0 are allowed.

    Raises ValueError for an exponent outside [0, 1): from 1 on the weights of the drift have a finite or merely
    logarithmic sum.
    """
    exponents = np.atleast_1d(np.asarray(exponents, dtype=float))
    if not ((exponents >= 0) & (exponents < 1)).all():
        raise ValueError(f"dual-averaging exponents must lie in [0, 1), got {exponents.tolist()}")
    return np.arange(first, first + count, dtype=float) ** -exponents[:, None]
