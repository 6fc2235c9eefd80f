"""A checkout in miniature for tests of the runner: notebooks that take no time, claims, an empty ledger."""

import json
import pathlib

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PARAMETERS = 'preset = "quick"\nseed = 0\ndevice = "auto"'
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
CLAIM = """
[[claim]]
id = "{id}"
title = "claim {id}"
statement = "$1 = 1$"
who = "own"
where = "here"
printed = "true"
kind = "{kind}"
expected = "{expected}"
"""


def verdict(stem: str, id: str, outcome: str = "supported") -> str:
    """The code of a cell that writes a ledger entry and a figure as `judge` and `save` would."""
    return f"""\
import json, os, pathlib
output = pathlib.Path(os.environ["THEORYLAB_OUTPUT"])
entry = {{"schema": 2, "id": "{id}", "notebook": "{stem}", "outcome": "{outcome}", "expected": "supported",
         "kind": "exact", "share": 0.5, "numbers": {{}}, "parts": [], "preset": preset, "seed": seed,
         "device": device, "note": None}}
(output / "ledger" / "{stem}").mkdir(parents=True, exist_ok=True)
(output / "ledger" / "{stem}" / "{id}.json").write_text(json.dumps(entry))
(output / "figures" / "{stem}").mkdir(parents=True, exist_ok=True)
(output / "figures" / "{stem}" / "a.svg").write_text("<svg/>")
preset"""


def document(*cells: str, parameters: str | None = PARAMETERS) -> nbformat.NotebookNode:
    """A notebook of code cells behind a title and a parameters cell; ids are stable."""
    made = [new_markdown_cell("# Does it run?", id="title")]
    if parameters is not None:
        made.append(new_code_cell(parameters, id="parameters", metadata={"tags": ["parameters"]}))
    made += [new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(cells, start=1)]
    return new_notebook(cells=made, metadata={"kernelspec": KERNEL})


def add(root: pathlib.Path, stem: str, *cells: str, ids=(), kind="exact", expected="supported", **options) -> None:
    """Write notebook and claims file ``stem`` into the laboratory ``root``; without ``ids`` there is one claim, judged
    by a last cell, e.g. ``01_good`` judges ``GOOD-1``."""
    id = f"{stem[3:].upper().replace('_', '-')}-1"
    if not ids:
        ids, cells = [id], (*cells, verdict(stem, id))
    for folder in ("notebooks", "claims", "ledger", "figures"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    claims = "".join(CLAIM.format(id=each, kind=kind, expected=expected) for each in ids)
    (root / "claims" / f"{stem}.toml").write_text(f'title = "Does {stem} run?"\nsource = "nobody"\n{claims}')
    nbformat.write(document(*cells, **options), root / "notebooks" / f"{stem}.ipynb")


def snapshot(root: pathlib.Path) -> dict[str, bytes]:
    """All committed files of the laboratory, to see that they are untouched."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "build" not in path.relative_to(root).parts
    }


def ledger_entry(root: pathlib.Path, id: str) -> dict:
    (path,) = (root / "ledger").rglob(f"{id}.json")
    return json.loads(path.read_text())
