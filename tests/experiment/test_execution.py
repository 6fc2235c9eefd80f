"""One notebook in a child process: how often it is saved, and which cell is named when the child is killed."""

import nbformat

from tests.laboratory.sample_laboratory import add
from theorylab.experiment.engine import SHARE, sparing
from theorylab.experiment.execution import execute

PARAMETERS = {"preset": "quick", "seed": 0, "device": "cpu"}


def executed(root, code: str):
    add(root, "01_a", code)
    return execute("01_a", (root / "notebooks/01_a.ipynb").read_bytes(), PARAMETERS)


def test_saving_takes_at_most_its_share_and_is_not_given_up():
    time, saved_at = [0.0], []

    def save():
        saved_at.append(time[0])
        time[0] += 2.0

    perhaps = sparing(save, clock=lambda: time[0])
    while time[0] < 1000:
        perhaps()
        time[0] += 1.0
    assert saved_at[0] == 0
    assert 0.9 * SHARE < 2 * len(saved_at) / time[0] <= SHARE


def test_a_killed_child_leaves_the_cell_it_was_in(tmp_path):
    outcome = executed(tmp_path, "import os, psutil\npsutil.Process(os.getpid()).parent().kill()\nos.read(0, 1)")
    assert outcome.error == (
        "stopped in code cell 2 (cell-1): its process was ended by signal SIGKILL, often for lack of memory"
    )


def test_the_end_is_saved_however_quickly_it_comes(tmp_path):
    outcome = executed(tmp_path, "print(1)")
    assert outcome.error is None
    cells = nbformat.reads(outcome.executed.decode(), as_version=4).cells
    assert [cell.outputs[0].text for cell in cells if cell.id == "cell-1"] == ["1\n"]
