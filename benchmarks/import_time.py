"""How long ``import theorylab, theorylab.claims`` takes in a fresh interpreter, beside an empty one.

Usage: python benchmarks/import_time.py [REPETITIONS]
"""

import statistics
import subprocess
import sys
import time


def seconds(code: str) -> float:
    """Wall seconds of a fresh interpreter that runs ``code``."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def main(repetitions: int) -> None:
    """Interleaved runs, medians."""
    codes = {"empty interpreter": "pass", "import theorylab, theorylab.claims": "import theorylab, theorylab.claims"}
    times = {name: [] for name in codes}
    for _ in range(repetitions):
        for name, code in codes.items():
            times[name].append(seconds(code))
    for name, values in times.items():
        print(f"{name:36} median of {repetitions}: {statistics.median(values):.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
