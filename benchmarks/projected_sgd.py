"""Projected SGD on the lens: steps x runs per processor second and peak memory, beside other ways to write it.

Usage: python benchmarks/projected_sgd.py [--full]

Compared on the same problem, on one core: the compiled chains with their Philox streams, the vectorised torch version,
the same in NumPy (all runs as rows), and a plain Python loop. ``--full`` also runs the size of the full preset, 1,000
runs of a million steps. Each case runs in a fresh process, so that peak memory is its own; processor time leaves out
the compilation. Writes ``projected_sgd.md`` next to this file.
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
    (FOLDER / "projected_sgd.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
