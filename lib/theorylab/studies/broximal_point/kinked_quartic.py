"""A nonsmooth convex function of one variable on which the proximal point method never stops.

f interpolates x^4 linearly between the nodes 2^-j, j integer, and f(0) = 0: convex, with kinks that accumulate at its
minimiser 0. On [2^-(j+1), 2^-j] the slope is (15/8) 8^-j, so PPM with gamma = 1 needs about 4^j / 3.75 steps there.
"""

import numpy as np


def loss(x: float) -> float:
    """f(x)."""
    x = abs(float(x))
    if x == 0.0:
        return 0.0
    upper = 2.0 ** np.ceil(np.log2(x))
    return upper**4 - 1.875 * upper**3 * (upper - x)


def prox(x: float, gamma: float = 1.0) -> float:
    """Proximal point of f: the u with x - u in gamma times the subdifferential at u, piece by piece from x down."""
    if x < 0:
        return -prox(-x, gamma)
    if x == 0.0:
        return 0.0
    upper = 2.0 ** np.ceil(np.log2(x))
    while True:
        u = x - gamma * 1.875 * upper**3
        if u >= upper / 2:
            return float(min(u, upper))  # u = upper: the step ends in the kink between two pieces
        upper /= 2


def brox(x: float, radius: float) -> float:
    """Broximal point: t towards 0, or 0 itself."""
    return float(np.sign(x) * max(abs(x) - radius, 0.0))


def steps_to_nodes(last: int, gamma: float = 1.0) -> np.ndarray:
    """Steps of PPM from x_0 = 1 to the first x_k <= 2^-j, j = 1, ..., ``last``, shape (last,)."""
    counts, x, k = [], 1.0, 0
    for j in range(1, last + 1):
        while x > 2.0**-j:
            x = prox(x, gamma)
            k += 1
        counts.append(k)
    return np.array(counts)
