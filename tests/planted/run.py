"""Run one notebook's judging sections without a bug and with each planted bug, and print the outcomes.

Usage: python -m tests.planted.run STEM [BUG_NUMBER ...]     (from the root of the checkout)

Prints one line of JSON: {"sound" or bug number: {"outcomes": {id: outcome}, "errors": [exceptions]}}.
"""

import importlib
import json
import pathlib
import sys

from tests.planted import Bug
from tests.sections import UNWATCHED, execute, forks, import_once, judges, read, sections

SOUND = "sound"
WORKERS = 2


def tables() -> dict:
    """The tables of planted bugs by notebook stem: every module of this package with ``STEM`` and ``BUGS``."""
    found = {}
    for path in sorted(pathlib.Path(__file__).parent.glob("*.py")):
        if path.stem in ("__init__", "run", "sample"):
            continue
        module = importlib.import_module(f"tests.planted.{path.stem}")
        found[module.STEM] = module.BUGS
    return found


def plant(bug: Bug) -> None:
    """Put the bug where it belongs, for the rest of this process."""
    module_name, _, path = bug.target.partition(":")
    owner = importlib.import_module(module_name)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    setattr(owner, name, bug.patch(getattr(owner, name)))


def outcomes(job: tuple[str, str]) -> dict:
    """Outcomes and errors with the bug of this number, in the sections concerned; all of them without a bug."""
    stem, number = job
    setup, *rest = sections(read(stem), UNWATCHED | {"solution"})
    if number != SOUND:
        bug = tables()[stem][int(number)]
        rest = [section for section in rest if judges(section, bug.claims)]
        plant(bug)
    found = execute([setup, *rest])
    return {"outcomes": found.outcomes, "errors": found.errors}


def main() -> None:
    """Command line of the module docstring."""
    stem, *numbers = sys.argv[1:]
    numbers = numbers or [SOUND, *map(str, range(len(tables()[stem])))]
    import_once(stem)
    with forks(WORKERS) as pool:
        results = pool.map(outcomes, [(stem, number) for number in numbers], chunksize=1)
    print(json.dumps(dict(zip(numbers, results))))


if __name__ == "__main__":
    main()
