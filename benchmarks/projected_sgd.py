"""Projected SGD on the lens: its speed beside other ways to write it, and what an answer costs beside a solver's.

Usage: python benchmarks/projected_sgd.py [--full]

Compared on the same problem, on one core: the compiled chains with their Philox streams, the vectorised torch version,
the same in NumPy (all runs as rows), and a plain Python loop. ``--full`` also runs the size of the full preset, 1,000
runs of a million steps. Each case runs in a fresh process, so that peak memory is its own; processor time leaves out
the compilation.

A second part compares the two ways to use k samples: one chain of k steps of projected SGD, and sample average
approximation (draw k samples, average them, solve once). The solve is timed in closed form, by the conic solver alone
(its own clock) and with the modelling layer around it. Repetitions are interleaved; medians are shown.

Writes ``projected_sgd.md`` next to this file.
"""

import argparse
import json
import pathlib
import resource
import subprocess
import sys
import time

import numpy as np

from theorylab.random import generator
from theorylab.studies.projected_sgd_clt import lens
from theorylab.studies.projected_sgd_clt.alternating_projection import CENTRES
from theorylab.studies.projected_sgd_clt.projected_sgd import simulate

FOLDER = pathlib.Path(__file__).parent


def compiled(runs: int, steps: int) -> None:
    """theorylab.studies.projected_sgd_clt.projected_sgd.simulate."""
    simulate(seed=0, purpose="benchmark", runs=runs, checkpoints=[steps])


def vectorised(runs: int, steps: int) -> None:
    """theorylab.studies.projected_sgd_clt.vectorised_sgd.simulate_vectorised on the CPU."""
    import torch

    from theorylab.studies.projected_sgd_clt.vectorised_sgd import simulate_vectorised

    torch.set_num_threads(1)
    simulate_vectorised(seed=0, purpose="benchmark", runs=runs, checkpoints=[steps], device="cpu")


def rows(runs: int, steps: int) -> None:
    """All runs as the rows of a NumPy array."""
    stream = generator(0, "benchmark")
    x, total = np.zeros((runs, 3)), np.zeros((runs, 3))
    for k in range(1, steps + 1):
        x = lens.project(x - k**-0.75 * (lens.UP + stream.standard_normal((runs, 3))))
        total += x


def loop(runs: int, steps: int) -> None:
    """One run after the other, one step after the other."""
    for run in range(runs):
        stream = generator(0, "benchmark", run)
        x, total = np.zeros(3), np.zeros(3)
        for k in range(1, steps + 1):
            x = lens.project(x - k**-0.75 * (lens.UP + stream.standard_normal(3)))
            total += x


CASES = {
    "compiled, Philox stream per chain": (compiled, 1000, 20_000),
    "torch, vectorised over runs, CPU": (vectorised, 1000, 2_000),
    "NumPy, runs as rows": (rows, 1000, 2_000),
    "Python loop": (loop, 1, 20_000),
}
FULL = {"compiled, full preset": (compiled, 1000, 1_000_000)}


def measure(name: str) -> dict:
    """Processor seconds of one case, after a small warm-up, and the peak memory of this process in MB."""
    function, runs, steps = {**CASES, **FULL}[name]
    function(1, 10)
    start = time.process_time()
    function(runs, steps)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"runs": runs, "steps": steps, "seconds": seconds, "rate": runs * steps / seconds, "peak": peak}


def sampled_objective(k: int) -> np.ndarray:
    """c plus the mean of k normal samples, drawn in blocks as a stream would bring them."""
    stream, total, left = generator(0, "samples"), np.zeros(3), k
    while left:
        count = min(left, 8192)
        total += stream.standard_normal((count, 3)).sum(axis=0)
        left -= count
    return lens.UP + total / k


def sampled_solution(k: int) -> np.ndarray:
    """Sample average approximation from k samples, in closed form."""
    return lens.support_point(-sampled_objective(k))


def repeatedly(function, *args, times: int = 1000) -> None:
    """Call a short function many times."""
    for _ in range(times):
        function(*args)


def modelled_solve(objective: np.ndarray) -> float:
    """Build and solve the conic programme; returns the seconds on the solver's own clock."""
    import cvxpy as cp

    x = cp.Variable(3)
    problem = cp.Problem(cp.Minimize(objective @ x), [cp.norm(x - centre) <= 2 for centre in CENTRES])
    problem.solve(solver=cp.CLARABEL)
    return problem.solver_stats.solve_time


def seconds(function, *args) -> float:
    """Processor seconds of one call."""
    start = time.process_time()
    function(*args)
    return time.process_time() - start


def answers(repeats: int = 5) -> list[str]:
    """The tables of the second part, as Markdown lines."""
    counts = (1_000, 10_000, 100_000, 1_000_000)
    compiled(1, 10)
    modelled_solve(lens.UP)
    rounds = []
    for _ in range(repeats):
        found = {("SPG", k): seconds(compiled, 1, k) for k in counts}
        found |= {("SAA", k): seconds(sampled_solution, k) for k in counts}
        objective = sampled_objective(1000)
        found["closed"] = seconds(repeatedly, lens.support_point, -objective) / 1000
        found["layer"] = seconds(modelled_solve, objective)
        found["solver"] = float(np.median([modelled_solve(objective) for _ in range(20)]))
        rounds.append(found)
    median = {name: float(np.median([found[name] for found in rounds])) for name in rounds[0]}
    step = median["SPG", counts[-1]] / counts[-1]
    lines = [
        "",
        "One answer from k samples: a chain of k steps (SPG), or the samples averaged and one solve (SAA);",
        f"processor seconds, median of {repeats}.",
        "",
        "| k | SPG | SAA, closed form | SAA, conic solver alone |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {k:,} | {median['SPG', k]:.2g} | {median['SAA', k]:.2g} | {median['SAA', k] + median['solver']:.2g} |"
        for k in counts
    ]
    lines += ["", "One solve, in steps of SPG (a step with its noise, from the longest chain):", ""]
    lines += ["| solve | microseconds | steps |", "|---|---|---|"]
    cases = {
        "closed form": "closed",
        "conic solver alone, its own clock": "solver",
        "with the modelling layer": "layer",
    }
    lines += [f"| {name} | {1e6 * median[key]:,.0f} | {median[key] / step:,.0f} |" for name, key in cases.items()]
    return lines


def main() -> None:
    """Command line of the module docstring."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--case")
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.case)))
        return
    lines = [
        "One core, processor time without compilation; peak memory of the whole process, libraries included.",
        "",
        "| case | runs | steps | processor seconds | steps x runs per processor second | peak memory, MB |",
        "|---|---|---|---|---|---|",
    ]
    for name in {**CASES, **(FULL if options.full else {})}:
        done = subprocess.run([sys.executable, __file__, "--case", name], check=True, capture_output=True, text=True)
        found = json.loads(done.stdout)
        lines.append(
            f"| {name} | {found['runs']:,} | {found['steps']:,} | {found['seconds']:.1f} | {found['rate']:.2g} "
            f"| {found['peak']:.0f} |"
        )
        print(lines[-1], flush=True)
    lines += answers()
    print("\n".join(lines[-16:]))
    (FOLDER / "projected_sgd.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
