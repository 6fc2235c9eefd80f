"""Projected SGD on the lens for any stochastic gradient, all chains as the rows of a NumPy array.

Slower than the compiled chains, and free in what the noise may do: depend on the iterate, for example.
"""

from collections.abc import Callable

import numpy as np

from theorylab.random import generator
from theorylab.studies.projected_sgd_clt import lens
from theorylab.studies.projected_sgd_clt.projected_sgd import checked_runs


def averaged_rows(
    gradient: Callable, exponent: float, *, seed: int, purpose: str, runs: int, steps: int, start=(0.0, 0.0, 0.0)
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the iterates 1..steps and last iterate, both (runs, 3), of x <- P(x - k^-exponent gradient(x, g)).

    ``gradient`` takes iterates and standard normals, both (runs, 3). All chains read one stream, named (seed, purpose).
    Raises ValueError for no runs or a ``start`` outside the lens.
    """
    stream = generator(seed, purpose)
    x = np.tile(lens.checked_start(start), (checked_runs(runs), 1))
    total = np.zeros_like(x)
    for k in range(1, steps + 1):
        x = lens.project(x - k**-exponent * gradient(x, stream.standard_normal(x.shape)))
        total += x
    return total / steps, x


def tilting_noise(tilt: float) -> Callable:
    """Gradient of <c, x> + g1 x1 + g3 x3 + g2 x2 (1 + tilt (x3 - sqrt(3))), c = -e3: noise that depends on the iterate
    and is standard normal at the solution."""

    def gradient(x, g):
        found = lens.UP + g
        found[:, 1] += tilt * g[:, 1] * (x[:, 2] - lens.ROOT3)
        found[:, 2] += tilt * g[:, 1] * x[:, 1]
        return found

    return gradient
