"""Execute notebooks again and compare: ``python -m tests.repeat [--preset full] [--threads 1 2] [NOTEBOOK ...]``

With the same number of math threads every file and every cell output must come out with the same bytes, with another
number every verdict with the same outcome. Exit code 1 when something differs. Not part of the test suite, because it
runs every notebook twice.
"""

import argparse
import json
import sys

from theorylab.experiment import notebook
from theorylab.experiment.execution import Outcome, execute
from theorylab.laboratory.checkout import notebook_path, select
from theorylab.session import home


def outcomes(found: Outcome) -> dict[str, str]:
    """Claim id to outcome."""
    entries = (json.loads(content) for name, content in found.files.items() if name.startswith("ledger/"))
    return {entry["id"]: entry["outcome"] for entry in entries}


def everything(found: Outcome) -> dict[str, object]:
    """All that would be published: the files by name, and the cells with their outputs."""
    executed = notebook.read(found.executed)
    page = notebook.published(notebook.stripped(executed), executed, {})
    return {**found.files, "notebook": page}


def differences(stem: str, preset: str, threads: tuple[int, int]) -> tuple[list[str], int]:
    """What differs between two executions of the notebook, and how many things were compared."""
    source = notebook.written(notebook.stripped(notebook.read(notebook_path(home(), stem).read_bytes())))
    parameters = {"preset": preset, "seed": 0, "device": "cpu"}
    first, second = (execute(stem, source, parameters, threads=count) for count in threads)
    if errors := [found.error for found in (first, second) if found.error]:
        return errors, 0
    look = everything if threads[0] == threads[1] else outcomes
    one, two = look(first), look(second)
    return [name for name in sorted(one.keys() | two.keys()) if one.get(name) != two.get(name)], len(one)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="names or numbers (default: all)")
    parser.add_argument("--preset", default="quick", choices=("quick", "full"))
    parser.add_argument("--threads", nargs=2, type=int, default=(1, 2), help="math threads of the two executions")
    options = parser.parse_args()
    bad = False
    for stem in select(home(), options.notebooks):
        found, compared = differences(stem, options.preset, tuple(options.threads))
        bad |= bool(found)
        print(f"{stem}: {'differs in ' + ', '.join(found) if found else f'the same, {compared} compared'}", flush=True)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
