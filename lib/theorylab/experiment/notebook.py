"""A notebook as a document: what must hold before it is run, its code, and how outputs come back into its source."""

import ast
import copy
import re

from theorylab.experiment.lean_nbformat import NotebookNode, nbformat
from theorylab.experiment.plain import RECORD, code_cells, first_line, outputs_digest

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
# Written into cells by Jupyter and papermill while they run; times and states of one machine.
RUN_METADATA = ("ExecuteTime", "collapsed", "execution", "papermill", "scrolled", "trusted")
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
FROZEN_BAR = re.compile(r"^.{0,80}\d+%\|.*\|", re.M)


class NotebookError(ValueError):
    """A notebook cannot be run as it is; the message says why and what to do."""


def read(source: bytes) -> NotebookNode:
    """The notebook in ``source``. Raises NotebookError when it is not one, or when its cells have no ids."""
    try:
        notebook = nbformat.reads(source.decode("utf-8"), as_version=nbformat.NO_CONVERT)
        version = (notebook.nbformat, notebook.nbformat_minor)
        if version < (4, 5):
            raise NotebookError(f"has format {version[0]}.{version[1]}, without cell ids; save it with a newer Jupyter")
        nbformat.validate(notebook)
    except NotebookError:
        raise
    except Exception as error:  # nbformat raises many kinds for what is simply not a notebook
        raise NotebookError(f"is not a valid notebook ({first_line(error)}); restore it") from None
    ids = [cell.id for cell in notebook.cells]
    if len(set(ids)) < len(ids):
        raise NotebookError("has two cells with one id; give one of them another id")
    return notebook


def check(notebook: NotebookNode, parameters: dict) -> None:
    """Raise NotebookError unless the notebook takes exactly these ``parameters`` and speaks Python.

    papermill only warns when a name is unknown or there is no parameters cell, and then runs with other values.
    """
    language = notebook.metadata.get("kernelspec", {}).get("language", "python")
    if language.lower() != "python":
        raise NotebookError(f"is written in {language}; the laboratory runs Python notebooks only")
    cells = [cell for cell in code_cells(notebook) if "parameters" in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise NotebookError(
            f"has {len(cells) or 'no'} cells tagged `parameters`; tag exactly one, which sets {', '.join(parameters)}"
        )
    try:
        tree = ast.parse(cells[0].source)
    except SyntaxError as error:
        raise NotebookError(f"has a syntax error in its parameters cell ({error.msg}); mend it") from None
    assigned = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    missing = [name for name in parameters if name not in assigned]
    if missing:
        raise NotebookError(
            f"does not know the parameter {missing[0]!r}; its parameters cell must set {', '.join(parameters)}"
        )


def stripped(notebook: NotebookNode) -> NotebookNode:
    """The source alone: without outputs, counts, injected cells and traces of earlier runs."""
    source = copy.deepcopy(notebook)
    source.cells = [cell for cell in source.cells if "injected-parameters" not in cell.metadata.get("tags", [])]
    for key in ("papermill", "widgets", RECORD):
        source.metadata.pop(key, None)
    source.metadata.kernelspec = NotebookNode(KERNEL)
    for cell in source.cells:
        for key in RUN_METADATA:
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return source


def published(source: NotebookNode, executed: NotebookNode, hashes: dict[str, str]) -> bytes:
    """The notebook to publish: ``source`` with the outputs of ``executed``, cells matched by id.

    Nothing else of the execution survives: no injected cell, times, paths, widget state or widget views. Counts run
    from 1, and ``hashes`` go into the metadata with one of these outputs.
    """
    notebook = stripped(source)
    outputs = {cell.id: cell.get("outputs", []) for cell in executed.cells}
    for count, cell in enumerate(code_cells(notebook), start=1):
        cell.execution_count = count
        cell.outputs = [kept for output in outputs[cell.id] if (kept := static(output, count)) is not None]
    notebook.metadata[RECORD] = NotebookNode(hashes | {"outputs": outputs_digest(notebook)})
    # The language's version would change the file with each patch release of Python.
    notebook.metadata.language_info = NotebookNode(
        {key: value for key, value in executed.metadata.get("language_info", {}).items() if key != "version"}
    )
    nbformat.validate(notebook)
    return written(notebook)


def written(notebook: NotebookNode) -> bytes:
    """The one textual form of a notebook file."""
    return (nbformat.writes(notebook).rstrip("\n") + "\n").encode()


def static(output: NotebookNode, count: int) -> NotebookNode | None:
    """``output`` as it can be read without a kernel, or None for a widget or a progress bar."""
    output = copy.deepcopy(output)
    if output.output_type == "stream":
        return None if output.name == "stderr" and FROZEN_BAR.search(output.text) else output
    output.pop("transient", None)
    if output.output_type == "execute_result":
        output.execution_count = count
    if output.data.pop(WIDGET_VIEW, None) is not None and set(output.data) <= {"text/plain"}:
        return None
    return output
