"""Every notebook has the structure that readers and the runner rely on, and published outputs are of its source."""

import ast
import re

import pytest

from theorylab.claims import catalogue
from theorylab.experiment import notebook, plain
from theorylab.laboratory.checkout import claims_path, notebook_path, stems
from theorylab.session import home

PARAMETERS = {"preset": "quick", "seed": 0, "device": "auto"}
PLACE_OF_ONE_MACHINE = re.compile(r"/(tmp|home|root|Users|private)/\w|ipykernel_\d|[A-Z]:\\\\Users")
LARGEST = 1_000_000

each_notebook = pytest.mark.parametrize("stem", stems(home()))


def document(stem):
    return notebook.read(notebook_path(home(), stem).read_bytes())


def code(stem) -> list[str]:
    return [cell.source for cell in plain.code_cells(document(stem))]


@pytest.fixture
def published(stem):
    read = document(stem)
    if not plain.record(read):
        pytest.skip("not published yet")
    return read


@each_notebook
def test_it_opens_with_a_question_and_takes_the_parameters(stem):
    read = document(stem)
    title = read.cells[0].source.splitlines()[0]
    assert title.startswith("# ")
    assert title.endswith("?")
    notebook.check(read, PARAMETERS)
    (cell,) = [cell for cell in read.cells if "parameters" in cell.metadata.get("tags", [])]
    values = {}
    exec(cell.source, values)
    assert {name: values[name] for name in PARAMETERS} == PARAMETERS


@each_notebook
def test_its_code_is_plain_python_without_classes_paths_and_bars(stem):
    for source in code(stem):
        tree = ast.parse(source)  # fails for magics
        assert not any(isinstance(node, ast.ClassDef) for node in ast.walk(tree))
        assert not PLACE_OF_ONE_MACHINE.search(source)
        assert "tqdm" not in source


@each_notebook
def test_it_judges_every_claim_of_its_claims_file_and_no_other(stem):
    judged = set(re.findall(r"""\bclaim\(\s*["']([^"']+)["']""", "\n".join(code(stem))))
    assert judged == set(catalogue.read(claims_path(home(), stem)).claims)


@each_notebook
def test_exercises_have_folded_solutions_that_end_in_assertions(stem):
    solutions = [cell for cell in document(stem).cells if "solution" in cell.metadata.get("tags", [])]
    assert len(solutions) >= 3
    for cell in solutions:
        assert cell.metadata.jupyter.source_hidden
        # A value or a sentence may be shown after the last assertion, nothing more.
        ending = [node for statement in ast.parse(cell.source).body[-2:] for node in ast.walk(statement)]
        assert any(isinstance(node, ast.Assert) for node in ending), cell.id


@each_notebook
def test_published_outputs_are_of_this_code_and_in_order(stem, published):
    assert plain.record(published)["code"] == plain.code_digest(published), (
        f"the code of {stem} changed after its outputs were made: run ./run_all.sh --full {stem}"
    )
    counts = [cell.execution_count for cell in plain.code_cells(published)]
    assert counts == list(range(1, len(counts) + 1))


@each_notebook
def test_published_outputs_are_those_of_the_runner(stem, published):
    stored = plain.record(published).get("outputs")
    if stored is None:
        pytest.skip("published before outputs had a hash")
    assert stored == plain.outputs_digest(published), f"{stem} was saved by hand: run ./run_all.sh --full {stem}"


@each_notebook
def test_published_pages_hold_nothing_of_one_machine_and_one_run(stem, published):
    assert set(published.metadata) == {"kernelspec", "language_info", plain.RECORD}
    for cell in published.cells:
        assert not set(cell.metadata) & set(notebook.RUN_METADATA)
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.get("text")
            assert notebook.WIDGET_VIEW not in output.get("data", {})
            readable = output.get("text", "") + "".join(
                text for kind, text in output.get("data", {}).items() if kind.startswith("text/")
            )
            assert not PLACE_OF_ONE_MACHINE.search(readable)
    assert notebook_path(home(), stem).stat().st_size < LARGEST


@each_notebook
def test_the_first_output_says_which_preset_made_the_page(stem, published):
    first = next(output for cell in published.cells for output in cell.get("outputs", []))
    assert "**full**" in first.data["text/markdown"]
