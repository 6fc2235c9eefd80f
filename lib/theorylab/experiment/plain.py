"""What can be read in a notebook without nbformat, which a worker has no other need to import."""

import hashlib
import json
from collections.abc import Mapping

# The key of a notebook's metadata under which the hashes of its source are stored with its outputs.
RECORD = "theorylab"
# The environment variable by which a notebook that runs on a Dask scheduler learns its address.
SCHEDULER_VARIABLE = "THEORYLAB_SCHEDULER"


def source_of(cell: Mapping) -> str:
    """The text of a cell, which a file may hold line by line."""
    return "".join(cell["source"])


def code_cells(notebook: Mapping) -> list:
    """The code cells that have something to run, of an nbformat notebook or of one that is plain JSON."""
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and source_of(cell).strip()]


def code_digest(notebook: Mapping) -> str:
    """Hash of the code cells in order: outputs made with another one are not of this notebook."""
    hasher = hashlib.sha256()
    for cell in code_cells(notebook):
        hasher.update(source_of(cell).encode() + b"\0")
    return hasher.hexdigest()


def outputs_digest(notebook: Mapping) -> str:
    """Hash of the outputs and counts of the code cells, as nbformat reads them: a page with another one was not made by
    the runner."""
    hasher = hashlib.sha256()
    for cell in code_cells(notebook):
        shown = [cell["id"], cell["execution_count"], cell["outputs"]]
        hasher.update(json.dumps(shown, sort_keys=True).encode() + b"\0")
    return hasher.hexdigest()


def record(notebook: Mapping) -> dict:
    """The hashes stored when the outputs were published, empty when there are none: ``code``, ``library`` and
    ``outputs``."""
    return dict(notebook["metadata"].get(RECORD, {}))


def first_line(error: object) -> str:
    """The first line of an error's message, short enough for a sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= 200 else lines[0][:197] + "..."
