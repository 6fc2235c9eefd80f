"""How long the computation behind Figure 14 takes: GD and SpecGD for 1,000 steps with a restart of SpecGD from the GD
path every 100, gaps of all runs and nuclear ranks along the two main ones.

Usage: OMP_NUM_THREADS=1 python benchmarks/specgd_figure.py [STEPS]   (prints the table kept in specgd_figure.md)

Beside it the same computation written down as the formulas stand, in NumPy: every step forms the residual W A - Y,
takes one decomposition for the polar factor, one for the nuclear norm, and one for the nuclear rank.
"""

import sys
import time

import numpy as np
import torch

from theorylab.spectral import nuclear_rank
from theorylab.studies.specgd_random_features.layer_descent import SpecGD, facts, gd_gap, gd_iterate, restarted
from theorylab.studies.specgd_random_features.random_features import regression


def library(problem, steps: int, every: int):
    """Gaps of GD, of SpecGD and of its restarts, and the nuclear ranks along both."""
    euclidean = gd_gap(problem, range(steps + 1))[:, 0]
    along_gd = [nuclear_rank(problem.gradient(gd_iterate(problem, t)))[0] for t in range(steps + 1)]
    gaps, ranks, W = [], [], problem.zero()
    for _ in range(steps + 1):
        found, _, step = facts(problem, W)
        gaps.append(found.gap[0])
        ranks.append(found.nuclear_rank[0])
        W = W + step
    branches = restarted(SpecGD(), problem, range(every, steps, every), steps)[..., 0]
    return [euclidean.numpy(), torch.stack(gaps).numpy(), branches.numpy(), torch.stack(along_gd), torch.stack(ranks)]


def written_out(A, Y, steps: int, every: int):
    """The same five arrays by the formulas as they stand."""
    n, smooth, spectral = A.shape[1], np.linalg.norm(A, 2) ** 2 / A.shape[1], np.linalg.norm(A) ** 2 / A.shape[1]
    best = np.linalg.norm(Y @ np.linalg.pinv(A) @ A - Y) ** 2 / (2 * n)

    def gap(W):
        return np.linalg.norm(W @ A - Y) ** 2 / (2 * n) - best

    def gradient(W):
        return (W @ A - Y) @ A.T / n

    def spectral_step(W):
        G = gradient(W)
        U, _, Vh = np.linalg.svd(G)
        return W - np.linalg.norm(G, "nuc") / spectral * (U @ Vh)

    def rank(W):
        G = gradient(W)
        return np.linalg.norm(G, "nuc") ** 2 / np.linalg.norm(G) ** 2

    starts = range(every, steps, every)
    branches, running = np.full((len(starts), steps + 1), np.nan), []
    euclidean, gaps, along_gd, ranks = [], [], [], []
    W = V = np.zeros((Y.shape[0], A.shape[0]))
    for t in range(steps + 1):
        euclidean.append(gap(W))
        along_gd.append(rank(W))
        gaps.append(gap(V))
        ranks.append(rank(V))
        running = [spectral_step(B) for B in running] + ([W] if t in starts else [])
        for i, B in enumerate(running):
            branches[i, t] = gap(B)
        W, V = W - gradient(W) / smooth, spectral_step(V)
    return [np.array(values) for values in (euclidean, gaps, branches, along_gd, ranks)]


def measured(call):
    """CPU seconds of this process, wall seconds, result."""
    cpu, wall = time.process_time(), time.perf_counter()
    result = call()
    return time.process_time() - cpu, time.perf_counter() - wall, result


def main(steps: int) -> None:
    """Two rows and how far the two computations agree while the runs have not yet reached rounding."""
    torch.set_num_threads(1)
    problem = regression([0])
    fast, fast_wall, ours = measured(lambda: library(regression([0]), steps, 100))
    slow, slow_wall, plain = measured(
        lambda: written_out(problem.features[0].numpy(), problem.targets[0].numpy(), steps, 100)
    )
    early = min(steps, 100)
    difference = max(np.max(np.abs(a[..., : early + 1] / b[..., : early + 1] - 1)) for a, b in zip(ours[:2], plain[:2]))
    print(f"{steps} steps, restart every 100, d = 100, float64, one thread.\n")
    print("| computation | CPU seconds | wall seconds |")
    print("|---|---|---|")
    print(f"| theorylab | {fast:.1f} | {fast_wall:.1f} |")
    print(f"| the formulas as they stand, NumPy | {slow:.1f} | {slow_wall:.1f} |")
    print(f"\nLargest relative difference of the gaps of GD and SpecGD over the first {early} steps: {difference:.0e}.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
