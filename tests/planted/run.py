"""Run one notebook's judging sections without a bug and with each planted bug, and print the outcomes.

Usage: python -m tests.planted.run STEM [BUG_NUMBER ...]     (from the root of the checkout)

Prints one line of JSON: {"sound" or bug number: {"outcomes": {id: outcome}, "errors": [exceptions]}}. Everything is
imported once; each run then is a fork of that process, so that no bug and no cached value reaches the next run.
"""

import ast
import importlib
import io
import json
import multiprocessing
import os
import pathlib
import re
import sys
import tempfile
import warnings
from contextlib import redirect_stderr, redirect_stdout

import nbformat

from tests.planted import Bug

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOUND = "sound"
WORKERS = 2
SKIPPED_TAGS = {"picture", "explore", "solution", "ledger"}


def tables() -> dict:
    """The tables of planted bugs by notebook stem: every module of this package with ``STEM`` and ``BUGS``."""
    found = {}
    for path in sorted(pathlib.Path(__file__).parent.glob("*.py")):
        if path.stem in ("__init__", "run"):
            continue
        module = importlib.import_module(f"tests.planted.{path.stem}")
        found[module.STEM] = module.BUGS
    return found


def sections(notebook) -> list[list[str]]:
    """Code of the notebook by ``## `` section, drawing and exploring cells left out; the first entry is all that
    stands before the second such heading (title and set-up)."""
    parts: list[list[str]] = [[]]
    headings = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and re.search(r"^## ", cell.source, re.M):
            headings += 1
            if headings > 1:
                parts.append([])
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or SKIPPED_TAGS & set(tags):
            continue
        parts[-1].append(cell.source)
        if "parameters" in tags:
            parts[-1].append('device = "cpu"')
    return parts


def judges(section: list[str], ids) -> bool:
    """Whether the section names one of the claims ``ids``."""
    return any(f'"{id}"' in code for code in section for id in ids)


def plant(bug: Bug) -> None:
    """Put the bug where it belongs, for the rest of this process."""
    module_name, _, path = bug.target.partition(":")
    owner = importlib.import_module(module_name)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    setattr(owner, name, bug.patch(getattr(owner, name)))


def imports(notebook) -> str:
    """The import statements of all its cells: done once, before the forks."""
    trees = [ast.parse(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    statements = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(ast.unparse(node) for node in statements)


def read(stem: str):
    """The notebook as committed."""
    return nbformat.read(ROOT / "notebooks" / f"{stem}.ipynb", as_version=4)


def execute(stem: str, bug: Bug | None) -> dict:
    """Outcomes and errors of the sections concerned (all of them without a bug)."""
    setup, *rest = sections(read(stem))
    chosen = rest if bug is None else [section for section in rest if judges(section, bug.claims)]
    if bug is not None:
        plant(bug)
    errors = []
    namespace = {"__name__": "__main__"}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["THEORYLAB_OUTPUT"] = folder
        for code in [*setup, *(code for section in chosen for code in section)]:
            try:
                with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                    exec(compile(code, stem, "exec"), namespace)
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
        entries = {path.stem: json.loads(path.read_text()) for path in pathlib.Path(folder).glob("ledger/*/*.json")}
    return {"outcomes": {id: row["outcome"] for id, row in entries.items()}, "errors": errors}


def execute_number(job: tuple[str, str]) -> dict:
    """``execute`` by the number of the bug in its table, or "sound"."""
    stem, number = job
    return execute(stem, None if number == SOUND else tables()[stem][int(number)])


def main() -> None:
    """Command line of the module docstring."""
    import matplotlib

    matplotlib.use("agg")
    warnings.simplefilter("ignore")
    stem, *numbers = sys.argv[1:]
    numbers = numbers or [SOUND, *map(str, range(len(tables()[stem])))]
    exec(imports(read(stem)), {})
    context = multiprocessing.get_context("fork")
    with context.Pool(WORKERS, maxtasksperchild=1) as pool:
        results = pool.map(execute_number, [(stem, number) for number in numbers], chunksize=1)
    print(json.dumps(dict(zip(numbers, results))))


if __name__ == "__main__":
    main()
