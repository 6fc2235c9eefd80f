"""Radius schedules of the broximal point method: ``radius(k)`` for step k."""

import functools
from dataclasses import dataclass

import numpy as np

from theorylab.random import generator


@dataclass(frozen=True)
class Constant:
    """t_k = t."""

    t: float

    def __call__(self, k: int) -> float:
        return self.t


@dataclass(frozen=True)
class Decaying:
    """t_k = t / (1 + k)^power; sum t_k^2 diverges for power <= 1/2, so Result 4 still ends every run."""

    t: float
    power: float = 0.4

    def __call__(self, k: int) -> float:
        return self.t / (1.0 + k) ** self.power


@dataclass(frozen=True)
class Random:
    """t_k uniform in [t/2, 3t/2], from its own stream: the same k always gives the same radius."""

    t: float
    seed: int

    def __call__(self, k: int) -> float:
        return self.t * float(generator(self.seed, "random radius", k).uniform(0.5, 1.5))


@functools.cache  # the running sum of a slowly decaying schedule has millions of terms
def steps_allowed(radius, distance: float, limit: int = 10**7) -> int:
    """K of Result 4: the least K with t_0^2 + ... + t_{K-1}^2 >= distance^2, from the running sum (0 at distance 0).

    Raises ValueError when ``limit`` steps do not suffice.
    """
    target = distance**2
    if isinstance(radius, Constant):
        return int(np.ceil(target / radius.t**2))
    if isinstance(radius, Decaying):
        # 1 + K = (exponential) doubling of a vectorised running sum: K can be in the millions.
        count = 1024
        while True:
            total = np.cumsum((radius.t / (1.0 + np.arange(count)) ** radius.power) ** 2)
            if total[-1] >= target:
                return int(np.searchsorted(total, target) + 1)
            if count >= limit:
                raise ValueError(f"more than {limit} steps are allowed; choose a larger radius")
            count *= 4
    total, k = 0.0, 0
    while total < target:
        if k >= limit:
            raise ValueError(f"more than {limit} steps are allowed; choose a larger radius")
        total += radius(k) ** 2
        k += 1
    return k
