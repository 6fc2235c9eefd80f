"""Run the code of a notebook outside Jupyter, section by section, and look at the outcomes of its verdicts.

Planted bugs, random mutants and seeds all ask the same question, which verdicts leave what was expected, many times
over. Drawing and exploring cells are left out, everything is imported once, and each run is a fork of that process, so
that nothing one run does reaches the next.
"""

import ast
import io
import json
import multiprocessing
import os
import pathlib
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from multiprocessing.pool import Pool

import nbformat

ROOT = pathlib.Path(__file__).resolve().parents[1]
UNWATCHED = frozenset({"picture", "explore", "ledger"})
MATH_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass
class Found:
    """What a run found: ledger ``entries`` by claim id, ``errors`` as "Type: message", and the ``first`` of all
    unexpected events where the run stops there."""

    entries: dict[str, dict] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    first: str | None = None

    @property
    def outcomes(self) -> dict[str, str]:
        """Outcome by claim id."""
        return {id: entry["outcome"] for id, entry in self.entries.items()}


def read(stem: str):
    """The notebook as committed."""
    return nbformat.read(ROOT / "notebooks" / f"{stem}.ipynb", as_version=4)


def sections(notebook, skipped=UNWATCHED, **parameters) -> list[list[str]]:
    """Code of the notebook by ``## `` section without the cells tagged ``skipped``; the first entry is all that stands
    before the second such heading (title and set-up), with ``parameters`` put in behind its own."""
    parts: list[list[str]] = [[]]
    headings = 0
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and re.search(r"^## ", cell.source, re.M):
            headings += 1
            if headings > 1:
                parts.append([])
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or set(skipped) & set(tags):
            continue
        parts[-1].append(cell.source)
        if "parameters" in tags:
            given = {"device": "cpu", **parameters}
            parts[-1].append("\n".join(f"{name} = {value!r}" for name, value in given.items()))
    return parts


def judges(section: Sequence[str], ids) -> bool:
    """Whether the section names one of the claims ``ids``."""
    return any(f'"{id}"' in code for code in section for id in ids)


def imports(notebook) -> str:
    """The import statements of all its cells: done once, before the forks."""
    trees = [ast.parse(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
    statements = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(ast.unparse(node) for node in statements)


def import_once(stem: str) -> None:
    """Import what the notebook imports, for the forks to come."""
    import matplotlib

    matplotlib.use("agg")
    warnings.simplefilter("ignore")
    exec(imports(read(stem)), {})


def execute(
    chosen: Sequence[Sequence[str]],
    *,
    expected: dict[str, str] | None = None,
    before: Callable[[int], None] = lambda section: None,
) -> Found:
    """Execute the sections ``chosen``; an error ends its cell only.

    With ``expected`` outcomes the run stops at the first event a reader would notice: an error, or a verdict that is
    not as expected. ``before`` is called with the number of each section.
    """
    found, namespace = Found(), {"__name__": "__main__"}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["THEORYLAB_OUTPUT"] = folder
        for number, section in enumerate(chosen):
            before(number)
            for code in section:
                try:
                    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                        exec(compile(code, f"section {number}", "exec"), namespace)
                except Exception as error:
                    found.errors.append(f"{type(error).__name__}: {error}")
                for path in pathlib.Path(folder).glob("ledger/*/*.json"):
                    if path.stem not in found.entries:
                        found.entries[path.stem] = json.loads(path.read_text(encoding="utf-8"))
                if expected is not None and (event := unexpected(found, expected)):
                    found.first = event
                    return found
    return found


def unexpected(found: Found, expected: dict[str, str]) -> str | None:
    """The first verdict that is not as expected, or else the first error; None when there is neither."""
    for id, outcome in found.outcomes.items():
        if outcome != expected.get(id):
            return f"verdict: {id} is {outcome}"
    return found.errors[0] if found.errors else None


@contextmanager
def forks(workers: int) -> Iterator[Pool]:
    """A pool in which every job is a fresh fork of this process, with one math thread."""
    import torch

    torch.set_num_threads(1)
    os.environ.update(dict.fromkeys(MATH_THREADS, "1"))
    with multiprocessing.get_context("fork").Pool(workers, maxtasksperchild=1) as pool:
        yield pool
