"""Notebooks as documents: what is refused before running, what survives of an execution, when outputs are stale."""

import asyncio
import copy
import queue

import nbformat
import pytest
from nbformat.v4 import new_output

from tests.laboratory.sample_laboratory import document
from theorylab.experiment import child, freshness, notebook
from theorylab.experiment.plain import code_digest, outputs_digest

PARAMETERS = {"preset": "full", "seed": 0, "device": "cpu"}


def source(*cells, **options) -> nbformat.NotebookNode:
    return notebook.read(nbformat.writes(document(*cells, **options)).encode())


def executed(plain: nbformat.NotebookNode, *outputs) -> nbformat.NotebookNode:
    """What papermill makes of ``plain``: injected cell, traces everywhere, ``outputs`` in the last cell."""
    made = copy.deepcopy(plain)
    made.cells.insert(2, nbformat.v4.new_code_cell("preset = 'full'", metadata={"tags": ["injected-parameters"]}))
    for count, cell in enumerate(made.cells[1:], start=1):
        cell.execution_count = count
        cell.metadata.papermill = {"start_time": "2024-01-01", "status": "completed"}
        cell.metadata.execution = {"iopub.execute_input": "2024-01-01"}
    made.cells[-1].outputs = list(outputs)
    made.metadata.papermill = {"input_path": "/home/me/a.ipynb", "duration": 1.0}
    made.metadata.widgets = {"application/vnd.jupyter.widget-state+json": {"state": {"a": 1}}}
    made.metadata.language_info = {"name": "python", "version": "3.11.7"}
    return made


def page(plain, *outputs) -> nbformat.NotebookNode:
    hashes = {"code": "c", "library": "l"}
    return notebook.read(notebook.published(plain, executed(plain, *outputs), hashes))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"{", "is not a valid notebook"),
        (b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}', "without cell ids"),
        (b'{"cells": [{"cell_type": "mark"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "not a valid"),
    ],
)
def test_what_is_no_notebook_is_refused(content, complaint):
    with pytest.raises(notebook.NotebookError, match=complaint):
        notebook.read(content)


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        (None, "has no cells tagged `parameters`; tag exactly one, which sets preset, seed, device"),
        ("preset = 'quick'\nseeds = 0\ndevice = 'cpu'", "does not know the parameter 'seed'"),
        ("preset =", "syntax error in its parameters cell"),
    ],
)
def test_papermill_would_ignore_these_parameters(parameters, complaint):
    with pytest.raises(notebook.NotebookError, match=complaint):
        notebook.check(source(parameters=parameters), PARAMETERS)


def test_two_parameters_cells_and_another_language_are_refused():
    twice = source("x = 1")
    twice.cells[2].metadata.tags = ["parameters"]
    with pytest.raises(notebook.NotebookError, match="has 2 cells"):
        notebook.check(twice, PARAMETERS)
    other = source()
    other.metadata.kernelspec.language = "R"
    with pytest.raises(notebook.NotebookError, match="written in R"):
        notebook.check(other, PARAMETERS)


def test_a_page_is_its_source_with_outputs_counts_and_hashes():
    plain = source("", "1 + 1")
    made = page(plain, new_output("execute_result", {"text/plain": "2"}, execution_count=9))
    assert [cell.source for cell in made.cells] == [cell.source for cell in plain.cells]
    assert [cell.metadata for cell in made.cells] == [cell.metadata for cell in plain.cells]
    assert [cell.execution_count for cell in made.cells[1:]] == [1, None, 2]
    assert made.cells[-1].outputs[0].execution_count == 2
    assert made.metadata.theorylab == {"code": "c", "library": "l", "outputs": outputs_digest(made)}
    assert made.metadata.language_info == {"name": "python"}
    assert set(made.metadata) == {"kernelspec", "language_info", "theorylab"}


def test_publishing_a_page_again_changes_nothing():
    plain = source("1 + 1")
    output = new_output("display_data", {"text/plain": "2"})
    once = page(plain, output)
    assert page(notebook.read(notebook.written(once)), output) == once


VIEW = {"application/vnd.jupyter.widget-view+json": {"model_id": "a"}, "text/plain": "HBox(...)"}


@pytest.mark.parametrize(
    "output",
    [
        new_output("display_data", VIEW),
        new_output("stream", name="stderr", text="\r  0%|          | 0/10 [00:00<?, ?it/s]"),
    ],
    ids=["widget", "bar"],
)
def test_widgets_and_frozen_bars_are_dropped(output):
    assert page(source("1"), output).cells[-1].outputs == []


def test_the_static_fallback_of_a_widget_stays():
    made = page(source("1"), new_output("display_data", VIEW | {"text/html": "<b>3</b>"}))
    assert made.cells[-1].outputs[0].data == {"text/html": "<b>3</b>", "text/plain": "HBox(...)"}


def test_the_code_digest_sees_code_and_its_order_and_nothing_else():
    plain = source("a = 1", "b = 2")
    digest = code_digest(plain)
    assert code_digest(page(plain)) == digest
    prose = copy.deepcopy(plain)
    prose.cells[0].source = "# Another title"
    assert code_digest(prose) == digest
    for other in (source("b = 2", "a = 1"), source("a = 1", "b = 3"), source("a = 1b = 2")):
        assert code_digest(other) != digest


def test_staleness_names_its_reason(tmp_path):
    claims = tmp_path / "01_a.toml"
    claims.write_text("a = 1\n")
    plain = source("from theorylab.random import generator")
    assert freshness.staleness(plain, claims) == "not run yet"
    plain = notebook.read(notebook.published(plain, executed(plain), freshness.hashes(plain, claims)))
    assert freshness.staleness(plain, claims) is None
    claims.write_text("a = 2\n")
    assert freshness.staleness(plain, claims) == "the library or the claims changed"
    plain.cells[-1].source = "1"
    assert freshness.staleness(plain, claims) == "its code changed"


@pytest.mark.parametrize("edit", ["another output", "another count", "no output", "no hash"])
def test_outputs_that_the_runner_did_not_make_are_stale(tmp_path, edit):
    """Run All and Save in Jupyter leaves the code as it was, and outputs of another preset, seed or machine."""
    claims = tmp_path / "01_a.toml"
    claims.write_text("a = 1\n")
    plain = source("2")
    output = new_output("execute_result", {"text/plain": "2", "text/html": "<b>2</b>\n<i>2</i>"}, execution_count=1)
    made = notebook.published(plain, executed(plain, output), freshness.hashes(plain, claims))
    made = notebook.read(made)
    assert freshness.staleness(made, claims) is None
    cell = made.cells[-1]
    if edit == "another output":
        cell.outputs[0].data["text/plain"] = "3"
    elif edit == "another count":
        cell.execution_count = 7
    elif edit == "no output":
        cell.outputs = []
    else:
        del made.metadata.theorylab["outputs"]
    assert freshness.staleness(made, claims).startswith("its outputs were edited")


def test_the_modules_of_a_notebook_are_followed_through_the_library(tmp_path, monkeypatch):
    package = tmp_path / "theorylab"
    files = {
        "__init__.py": "",
        "a/__init__.py": "from . import b",
        "a/b.py": "def f():\n    from ..c import g",
        "c.py": "import theorylab.d.e",
        "d/__init__.py": "",
        "d/e.py": "import numpy",
        "unrelated.py": "",
    }
    for name, text in files.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    monkeypatch.setattr(freshness, "PACKAGE", package)
    found = {path.relative_to(package).as_posix() for path in freshness.modules(["from theorylab import a\nimport os"])}
    assert found == set(files) - {"unrelated.py"}


def test_a_channel_looks_again_when_no_wake_up_comes(monkeypatch):
    """The reply is there, but the first wait does not see it, as after a swallowed wake-up."""
    waits = []

    async def get_msg(self, timeout=None):
        waits.append(timeout)
        if len(waits) == 1:
            raise queue.Empty
        return {"msg_type": "execute_reply"}

    monkeypatch.setattr(child.AsyncZMQSocketChannel, "get_msg", get_msg)
    channel = object.__new__(child.WakefulChannel)
    assert asyncio.run(channel.get_msg()) == {"msg_type": "execute_reply"}
    assert waits == [1, 1]
    waits.clear()
    with pytest.raises(queue.Empty):
        asyncio.run(channel.get_msg(timeout=0.5))
