"""Multilevel debiasing of averaged stochastic gradient descent (arXiv 2106.09481, 2301.00457).

The average of N = 2^j SGD steps has a bias of order 1/N. With P(J = j) = 2^-j the estimator
xbar_1 + 1{J <= cap} 2^J (xbar_{2^J} - xbar_{2^(J-1)}) has the mean of the longest chain; expected cost cap + 2^-cap.
"""

import numpy as np

CENTRE, STRENGTH, WEIGHT = 3.0, 1.0, 0.5  # f(x) = (x - 3)^2 / 2 + |x| / 2: strongly convex, nonsmooth
SOLUTION = CENTRE - WEIGHT / STRENGTH
START = -8.0


def averages(steps: int, chains: int, generator, noise: float = 0.3, start: float = START) -> np.ndarray:
    """Weighted averages of SGD from ``start`` after 1, 2, 4, ..., ``steps`` steps, shape (levels, chains).

    Stepsize 2 / (mu (k + 2)) and weights proportional to k + 1. Raises ValueError unless ``steps`` is a power of two.
    """
    if steps < 1 or steps & (steps - 1):
        raise ValueError(f"steps must be a power of two, got {steps}: levels double the length of the chain")
    x = np.full(chains, start)
    total = np.zeros(chains)
    rows = []
    for k in range(steps):
        total += (k + 1) * x
        if (k + 1) & k == 0:
            rows.append(total / ((k + 1) * (k + 2) / 2))
        gradient = STRENGTH * (x - CENTRE) + WEIGHT * np.sign(x) + noise * generator.standard_normal(chains)
        x = x - 2.0 / (STRENGTH * (k + 2)) * gradient
    return np.array(rows)


def debiased(cap: int, chains: int, generator) -> tuple[np.ndarray, float]:
    """``chains`` draws of the multilevel estimator with level cap ``cap``, and the mean cost (gradients) of one."""
    levels = generator.geometric(0.5, chains)
    estimates, cost = [], 0.0
    for level in range(1, cap + 1):
        count = int(np.sum(levels == level))
        if count == 0:
            continue
        xbar = averages(2**level, count, generator)
        estimates.append(xbar[0] + 2.0**level * (xbar[-1] - xbar[-2]))
        cost += count * 2.0**level
    beyond = int(np.sum(levels > cap))
    estimates.append(averages(1, beyond, generator)[0])
    return np.concatenate(estimates), (cost + beyond) / chains


def expected_bias(steps: int) -> float:
    """Mean of ``averages`` after ``steps`` steps, minus ``SOLUTION``, in closed form for the default start.

    With e_k = E x_k - SOLUTION: e_0 = START - SOLUTION, and the first step, of length 1/mu, jumps over the kink to
    e_1 = 2 WEIGHT / STRENGTH. From there the gradient is linear (the noise is too small to come back to 0) and
    e_{k+1} = (1 - 2/(k+2)) e_k, so e_k = 2 e_1 / (k(k+1)); weights k + 1 give (e_0 + 2 e_1 H_{N-1}) / (N(N+1)/2).
    """
    e0, e1 = START - SOLUTION, 2.0 * WEIGHT / STRENGTH
    harmonic = float(np.sum(1.0 / np.arange(1, steps)))
    return (e0 + 2.0 * e1 * harmonic) / (steps * (steps + 1) / 2)
