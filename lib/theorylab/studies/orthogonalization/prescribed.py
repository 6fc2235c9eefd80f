"""Matrices whose singular values are given, so that their condition number is known.

A square Gaussian matrix has condition number 10^3 to 10^4 by accident: a method that fails at 10^4 may look fine on it,
and one that needs 10^3 may not. Tests of accuracy prescribe the spectrum.
"""

import numpy as np
import torch
from torch import Tensor

from theorylab.random import torch_generator


def with_spectrum(sigma, columns: int, seed: int, *purpose) -> Tensor:
    """float64 matrix (m, columns), m = len(sigma) <= columns, with singular values ``sigma`` and random singular
    vectors from the stream named by ``seed`` and ``purpose``.

    Raises ValueError when there are fewer columns than singular values.
    """
    sigma = torch.as_tensor(np.array(sigma, dtype=float))
    rows = len(sigma)
    if columns < rows:
        raise ValueError(f"columns must be at least the number {rows} of singular values, got {columns}")
    stream = torch_generator(seed, "prescribed", rows, columns, *purpose)
    left, _ = torch.linalg.qr(torch.randn(rows, rows, generator=stream, dtype=torch.float64))
    right, _ = torch.linalg.qr(torch.randn(columns, rows, generator=stream, dtype=torch.float64))
    return (left * sigma) @ right.mT


def log_uniform(rows: int, condition: float) -> np.ndarray:
    """``rows`` singular values from 1 down to 1/condition, equally spaced in the logarithm."""
    return condition ** -np.linspace(0, 1, rows)
