"""``--list``: notebooks, claims, last verdicts, and what is stale."""

import pathlib
import sys

from theorylab.claims import catalogue, ledger
from theorylab.experiment import freshness, notebook
from theorylab.laboratory import verdicts
from theorylab.laboratory.checkout import claims_path, notebook_path

FRESH = "fresh"


def print_list(root: pathlib.Path, stems: list[str]) -> int:
    """Print the list; 1 when a file could not be read, with a sentence each, else 0."""
    troubles = []
    entries = read_entries(root, troubles)
    if not stems:
        print("There are no notebooks yet.")
    for stem in stems:
        print(f"{stem}  [{state(root, stem)}]")
        try:
            written = catalogue.read(claims_path(root, stem))
        except catalogue.CatalogueError as error:
            troubles.append(str(error))
            continue
        found = verdicts.findings(written, entries)
        print(f"  {written.title}\n  {verdicts.summary(found)}")
        print("\n".join(verdicts.lines(found)) + "\n")
    for trouble in troubles:
        print(trouble, file=sys.stderr)
    return 1 if troubles else 0


def read_entries(root: pathlib.Path, troubles: list[str]) -> dict[str, dict]:
    """The committed ledger entries that can be read; about the others a sentence goes to ``troubles``."""
    entries = {}
    for path in sorted((root / "ledger").rglob("*.json")):
        try:
            entry = ledger.read_entry(path)
        except ledger.LedgerError as error:
            troubles.append(str(error))
            continue
        if entry is not None:
            entries[entry["id"]] = entry
    return entries


def state(root: pathlib.Path, stem: str) -> str:
    """``fresh``, or why the committed outputs of a notebook are stale."""
    try:
        document = notebook.read(notebook_path(root, stem).read_bytes())
    except notebook.NotebookError as error:
        return str(error)
    reason = freshness.staleness(document, claims_path(root, stem))
    if reason:
        return f"stale: {reason}"
    try:
        for id in catalogue.read(claims_path(root, stem)).claims:
            path = root / "ledger" / stem / f"{id}.json"
            if not path.exists():
                return f"stale: no verdict on {id}"
            ledger.read_entry(path)
    except (catalogue.CatalogueError, ledger.LedgerError) as error:
        return f"stale: {error}"
    return FRESH
