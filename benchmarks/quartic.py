"""How long the closed-form quartic solver takes, beside a general-purpose minimiser of the same objective.

Usage: python benchmarks/quartic.py [REPETITIONS]      (prints the table kept in benchmarks/quartic.md)
"""

import statistics
import sys
import time

import numpy as np
from scipy.optimize import minimize

from theorylab.random import generator
from theorylab.studies.isotropic_curvature import quartic

SIZES = (4, 64, 1024, 4096)


def median_milliseconds(call, repetitions: int) -> float:
    """Median wall time of ``call`` after one warm-up."""
    call()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def quasi_newton(sigma):
    """L-BFGS with the exact gradient, from the best multiple of sigma up to a constant."""
    n = len(sigma)

    def objective(s):
        gradient = 8 / (n * (n + 2)) * (s**3 + np.sum(s**2) / 2 * s) - sigma
        return float(quartic.loss(s, sigma, n)), gradient

    start = sigma * np.linalg.norm(quartic.solve(sigma).s) / np.linalg.norm(sigma)
    return minimize(objective, start, jac=True, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-10}).x


def main(repetitions: int) -> None:
    """One row per size: both medians, and how far L-BFGS ends from the closed form."""
    print(f"Median wall time of {repetitions} repetitions on one core, milliseconds.\n")
    print("| n | closed form | L-BFGS, exact gradient | Newton steps on S | largest relative distance |")
    print("|---|---|---|---|---|")
    for n in SIZES:
        sigma = np.abs(generator(0, "benchmark quartic", n).standard_normal(n))
        found = quartic.solve(sigma)
        fast = median_milliseconds(lambda sigma=sigma: quartic.solve(sigma), repetitions)
        slow = median_milliseconds(lambda sigma=sigma: quasi_newton(sigma), max(3, repetitions // 10))
        distance = np.max(np.abs(quasi_newton(sigma) / found.s - 1))
        print(f"| {n} | {fast:.2f} | {slow:.1f} | {found.iterations} | {distance:.0e} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 101)
