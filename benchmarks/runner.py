"""What the runner costs: wall times beside papermill called directly, one notebook after another.

``python benchmarks/runner.py [--preset full] [--write] [NOTEBOOK ...]``

``--write`` also commits the seconds of every notebook's last run, from which ``run_all.sh`` says how long it will take
in a checkout that has run nothing yet.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from theorylab.experiment.execution import THREAD_VARIABLES
from theorylab.laboratory import progress
from theorylab.laboratory.checkout import notebook_path, select
from theorylab.session import OUTPUT_VARIABLE, home


def directly(stem: str, preset: str) -> float:
    """Seconds of papermill's own command on one notebook."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "papermill", "--no-progress-bar", "--cwd", folder, "-p", "preset", preset]
        command += ["-p", "device", "cpu", notebook_path(home(), stem), pathlib.Path(folder, "out.ipynb")]
        threads = dict.fromkeys(THREAD_VARIABLES, "1")
        environment = {**os.environ, **threads, OUTPUT_VARIABLE: folder, "TQDM_DISABLE": "1"}
        return timed(command, environment)


def by_the_runner(chosen: list[str], preset: str, workers: int) -> float:
    """Seconds of the whole command, from its start to its exit, as a rehearsal that publishes nothing."""
    command = [sys.executable, "-m", "theorylab.laboratory", *chosen, "--preset", preset, "--workers", str(workers)]
    # Another device name than the record's, so that the preset full is a rehearsal too.
    return timed([*command, "--device", "auto"], {**os.environ, "CUDA_VISIBLE_DEVICES": ""})


def timed(command: list, environment: dict) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        sys.exit(f"{command} failed:\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="quick", choices=("quick", "full"))
    parser.add_argument("--write", action="store_true")
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="names or numbers (default: all)")
    options = parser.parse_args()
    chosen = select(home(), options.notebooks)
    alone = {stem: directly(stem, options.preset) for stem in chosen}
    total = sum(alone.values())
    one, two = (by_the_runner(chosen, options.preset, workers) for workers in (1, 2))
    print(f"| what | preset {options.preset} | allowed |\n|---|---|---|")
    for stem, seconds in alone.items():
        print(f"| papermill {stem} | {seconds:.1f} s | |")
    print(f"| sum | {total:.1f} s | |")
    print(f"| run_all.sh, 1 worker | {one:.1f} s | {5 + 1.05 * total:.1f} s |")
    print(f"| run_all.sh, 2 workers | {two:.1f} s | {0.7 * total:.1f} s |")
    if options.write:
        for preset in ("quick", "full"):
            progress.remember(home(), preset, progress.known_seconds(home(), preset), progress.COMMITTED)


if __name__ == "__main__":
    main()
