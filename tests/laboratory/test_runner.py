"""The runner from end to end on laboratories in miniature: what is published, what fails, and how it says so."""

import contextlib
import io
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import distributed
import nbformat
import psutil
import pytest

from tests.laboratory.sample_laboratory import add, ledger_entry, snapshot, verdict
from theorylab.experiment import schedule
from theorylab.laboratory import batch
from theorylab.laboratory.command import main


def run(root: pathlib.Path, *arguments: str) -> SimpleNamespace:
    """Run the command in this process: exit code, lines of standard output, standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(list(arguments), root=root)
        except SystemExit as exit:
            code = exit.code
    return SimpleNamespace(code=code, lines=out.getvalue().splitlines(), err=err.getvalue())


def is_gone(pid: int, within: float = 5) -> bool:
    """Whether the process has ended, at the latest after ``within`` seconds."""
    try:
        process = psutil.Process(pid)
        deadline = time.monotonic() + within
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
    except psutil.NoSuchProcess:
        pass
    return True


WIDGETS = """\
import sys, warnings
import ipywidgets
from tqdm.auto import tqdm
for _ in tqdm(range(3)):
    pass
ipywidgets.interact(lambda knob: print(knob), knob=(0, 3))
print(sys.executable)"""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> SimpleNamespace:
    """A full run of notebooks of which most fail in their own way, under a user who registered a broken kernel."""
    root = tmp_path_factory.mktemp("mixed")
    add(root, "01_good", WIDGETS)
    add(root, "02_raises", "1 / 0")
    add(root, "03_exits", "import sys; sys.exit(0)")
    add(root, "04_killed", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    add(root, "05_unclaimed")
    (root / "claims" / "05_unclaimed.toml").unlink()
    add(root, "06_blocked")
    (root / "figures" / "06_blocked").write_text("a file in the place of a folder")
    add(root, "07_untagged", parameters=None)
    add(root, "08_unknown", parameters='preset = "quick"\nseed = 0')
    add(root, "09_bare")
    path = root / "notebooks" / "09_bare.ipynb"
    bare = nbformat.read(path, as_version=4)
    del bare.metadata["kernelspec"]
    nbformat.write(bare, path)
    (root / "README.md").write_text("# mine\n")
    registered = root / "build" / "user" / "kernels" / "python3"
    registered.mkdir(parents=True)
    broken = {"argv": ["false"], "display_name": "broken", "language": "python"}
    (registered / "kernel.json").write_text(json.dumps(broken))
    before = snapshot(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(root / "build" / "user"))
        result = run(root, "--full", "--workers", "2")
    return SimpleNamespace(root=root, before=before, after=snapshot(root), **vars(result))


@pytest.mark.parametrize(
    ("stem", "cause", "remedy"),
    [
        ("02_raises", "raises ZeroDivisionError in code cell 2 (cell-1): division by zero", "mend it"),
        ("03_exits", "calls sys.exit in code cell 2 (cell-1)", "mend it"),
        ("04_killed", "lost its kernel in code cell 2 (cell-1): it was killed", "mend it"),
        ("05_unclaimed", "claims/05_unclaimed.toml is missing", "write the claims"),
        ("06_blocked", "figures/06_blocked is a file", "remove it"),
        ("07_untagged", "has no cells tagged `parameters`", "tag exactly one"),
        ("08_unknown", "does not know the parameter 'device'", "must set preset, seed, device"),
    ],
)
def test_a_failure_names_notebook_cause_and_remedy(mixed, stem, cause, remedy):
    (sentence,) = [line for line in mixed.lines if line.startswith(f"FAILED: {stem} ")]
    assert cause in sentence
    assert remedy in sentence
    assert sentence.endswith(f"run ./run_all.sh --full {stem}.")


def test_one_failed_notebook_fails_the_run_and_stops_no_other(mixed):
    assert mixed.code == 1
    assert any(line.endswith("1 supported") and "01_good" in line for line in mixed.lines)
    assert mixed.lines[-1].startswith("Published 2 of 9 notebooks")


def test_only_successful_notebooks_change_committed_files(mixed):
    changed = {name for name in mixed.after if mixed.before.get(name) != mixed.after[name]}
    expected = set()
    for stem, id in (("01_good", "GOOD-1"), ("09_bare", "BARE-1")):
        expected |= {f"notebooks/{stem}.ipynb", f"figures/{stem}/a.svg", f"ledger/{stem}/{id}.json"}
    assert changed == expected
    assert mixed.before.keys() <= mixed.after.keys()


def test_a_readme_without_its_markers_is_reported_and_left(mixed):
    assert any("were left as they were: README.md has lost its generated block" in line for line in mixed.lines)


def test_a_failed_notebook_is_kept_for_inspection_under_build(mixed):
    assert "ZeroDivisionError" in (mixed.root / "build/full-0-cpu/failed/02_raises.ipynb").read_text()


def test_a_published_notebook_reads_as_source_plus_outputs(mixed):
    notebook = nbformat.read(mixed.root / "notebooks/01_good.ipynb", as_version=4)
    assert [cell.id for cell in notebook.cells] == ["title", "parameters", "cell-1", "cell-2"]
    assert [cell.execution_count for cell in notebook.cells[1:]] == [1, 2, 3]
    assert notebook.cells[1].source.startswith('preset = "quick"')
    assert notebook.cells[-1].outputs[0].data["text/plain"] == "'full'"
    assert set(notebook.metadata) == {"kernelspec", "language_info", "theorylab"}
    assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)


def test_widgets_and_progress_bars_leave_nothing_in_a_page(mixed):
    (output,) = nbformat.read(mixed.root / "notebooks/01_good.ipynb", as_version=4).cells[2].outputs
    assert output.name == "stdout"


def test_kernels_are_this_interpreter_whatever_the_user_registered(mixed):
    (output,) = nbformat.read(mixed.root / "notebooks/01_good.ipynb", as_version=4).cells[2].outputs
    assert output.text.strip() == sys.executable


def test_a_second_run_gives_the_same_bytes_and_stale_finds_nothing(mixed, monkeypatch):
    assert run(mixed.root, "--full", "--workers", "1", "01").lines[-1].startswith("Published 1 of 1")
    assert snapshot(mixed.root) == mixed.after
    result = run(mixed.root, "--full", "--stale", "01", "9")
    assert (result.code, len(result.lines)) == (0, 1)
    assert "Nothing is stale" in result.lines[0]


def test_the_list_shows_claims_verdicts_and_staleness(mixed):
    result = run(mixed.root, "--list", "01_good", "02")
    assert result.code == 0
    assert "01_good  [fresh]" in result.lines
    assert "02_raises  [stale: not run yet]" in result.lines
    assert any(line.split()[:3] == ["GOOD-1", "supported", "0.5"] for line in result.lines)
    assert any(line.split()[:3] == ["RAISES-1", "not", "run"] for line in result.lines)


def test_an_unknown_notebook_is_a_usage_error_with_a_hint(mixed):
    result = run(mixed.root, "01_god")
    assert result.code == 2
    assert "did you mean 01_good?" in result.err


@pytest.mark.parametrize(
    "arguments", [("--stale",), ("--full", "--stale", "--seed", "1"), ("--seed", "-1"), ("--workers", "0"), ("--nope",)]
)
def test_wrong_usage_exits_2(mixed, arguments):
    assert run(mixed.root, *arguments).code == 2


def test_unexpected_vacuous_and_missing_verdicts_exit_3_and_are_published(tmp_path):
    cells = [verdict("01_odd", "A", "contradicted"), verdict("01_odd", "B", "vacuous"), verdict("01_odd", "C")]
    add(tmp_path, "01_odd", *cells, ids=("A", "B", "C", "D"))
    (tmp_path / "ledger" / "01_odd").mkdir()
    (tmp_path / "ledger" / "01_odd" / "D.json").write_text(
        json.dumps({"schema": 1, "id": "D", "notebook": "01_odd", "outcome": ""})
    )
    result = run(tmp_path, "--full")
    assert result.code == 3
    assert (
        "Not as expected: A (contradicted, expected supported), B (vacuous, expected supported), D (no verdict)."
        in result.lines
    )
    assert ledger_entry(tmp_path, "B")["outcome"] == "vacuous"
    assert not (tmp_path / "ledger" / "01_odd" / "D.json").exists()


def test_a_rehearsal_touches_nothing_committed_and_says_so_last(tmp_path):
    add(tmp_path, "01_good")
    before = snapshot(tmp_path)
    result = run(tmp_path, "--seed", "3", "--device", "cpu")
    assert result.code == 0
    assert snapshot(tmp_path) == before
    assert "Committed figures and verdicts are untouched; ./run_all.sh --full regenerates them" in result.lines[-1]
    assert json.loads((tmp_path / "build/quick-3-cpu/ledger/01_good/GOOD-1.json").read_text())["seed"] == 3
    assert not list(pathlib.Path(tmp_path, "build").glob("*/publishing"))


def test_an_unreadable_ledger_file_is_named_and_the_rest_published(tmp_path):
    add(tmp_path, "01_good")
    add(tmp_path, "02_other")
    (tmp_path / "ledger" / "02_other").mkdir()
    (tmp_path / "ledger" / "02_other" / "OTHER-1.json").write_text("{")
    result = run(tmp_path, "--full", "01")
    assert result.code == 1
    assert ledger_entry(tmp_path, "GOOD-1")["preset"] == "full"
    assert any("ledger/02_other/OTHER-1.json cannot be read" in line and "--full" in line for line in result.lines)
    listed = run(tmp_path, "--list")
    assert listed.code == 1
    assert "ledger/02_other/OTHER-1.json cannot be read" in listed.err
    assert any(line.startswith("02_other  [stale") for line in listed.lines)


def test_ctrl_c_ends_kernels_and_leaves_unfinished_notebooks_untouched(tmp_path):
    begun = tmp_path / "build" / "begun"
    begun.parent.mkdir()
    add(tmp_path, "01_good")
    add(
        tmp_path,
        "02_slow",
        "import os, pathlib, time",
        f"pathlib.Path({str(begun)!r}).write_text(str(os.getpid()))\ntime.sleep(60)",
    )
    before = snapshot(tmp_path)
    code = (
        f"import pathlib, sys; from theorylab.laboratory.command import main; "
        f"sys.exit(main(['--full', '--workers', '1'], root=pathlib.Path({str(tmp_path)!r})))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)
    while not (begun.exists() and begun.read_text()):
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole foreground group
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out.splitlines()[-1].startswith("Interrupted: 1 of 2 notebooks had finished")
    assert is_gone(int(begun.read_text()))
    after = snapshot(tmp_path)
    changed = {name for name in after if before.get(name) != after[name]}
    assert changed == {
        "notebooks/01_good.ipynb",
        "figures/01_good/a.svg",
        "ledger/01_good/GOOD-1.json",
        "ledger/README.md",
    }


def test_an_interrupt_that_the_interpreter_forgot_is_asked_for_again(tmp_path, monkeypatch):
    def running(jobs, *, watch, **rest):
        watch([])
        yield

    monkeypatch.setattr(schedule, "run", running)
    job = schedule.Job("01_good", b"", {})
    found = batch.outcomes(batch.Run(tmp_path), [job], {}, batch.Report(), [signal.SIGINT])
    with pytest.raises(KeyboardInterrupt):
        next(found)


# A kernel that has ended may stay a zombie until the system's first process takes note of it.
LASTING = """\
import os, pathlib, psutil, time
attempts = pathlib.Path({folder!r})
earlier = [int(path.name) for path in attempts.iterdir()]
(attempts / str(os.getpid())).touch()
print(any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in earlier))
time.sleep(60 if len(earlier) < {lasting} else 0)"""


def kill_workers(attempts: pathlib.Path, times: int):
    """A ``watch`` that kills the Dask worker of each of the first attempts, while its kernel is busy."""
    killed = set()

    def watch(running):
        for path in attempts.iterdir():
            if path.name not in killed and len(killed) < times:
                killed.add(path.name)
                child = psutil.Process(int(path.name)).parent()
                child.parent().kill()

    return watch


@pytest.mark.parametrize("times", [1, 3])
def test_a_killed_worker_takes_its_kernel_along_and_the_notebook_is_tried_three_times(tmp_path, times):
    attempts = tmp_path / "attempts"
    attempts.mkdir()
    add(tmp_path, "01_lasting", LASTING.format(folder=str(attempts), lasting=times))
    source = (tmp_path / "notebooks/01_lasting.ipynb").read_bytes()
    job = schedule.Job("01_lasting", source, {"preset": "quick", "seed": 0, "device": "cpu"})
    watch, said = kill_workers(attempts, times), []
    (outcome,) = schedule.run([job], workers=1, scratch=tmp_path / "dask", watch=watch, say=said.append)
    assert [text.split("; ")[1].split(" begins")[0] for text in said] == ["attempt 2", "attempt 3"][:times]
    if times == 1:
        assert outcome.error is None
        executed = nbformat.reads(outcome.executed.decode(), as_version=4)
        assert [cell.outputs[0].text for cell in executed.cells if cell.id == "cell-1"] == ["False\n"]
    else:
        assert "given up after 3 attempts" in outcome.error
    assert len(list(attempts.iterdir())) == min(times + 1, 3)
    assert all(is_gone(int(path.name)) for path in attempts.iterdir())


# A trial that a notebook defines, on the worker whose thread the notebook has left.
SWEEPS = """\
import os
from theorylab.experiment import sweep
rows = sweep(lambda seed: {"process": os.getpid()}, seeds=[0, 1])
assert os.getpid() not in set(rows["process"])"""


def test_an_existing_scheduler_is_used_and_another_version_there_is_refused(tmp_path, monkeypatch):
    add(tmp_path, "01_good", SWEEPS)
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        assert run(tmp_path, "--scheduler", cluster.scheduler_address).code == 0
        monkeypatch.setattr(schedule, "installation_digest", lambda: "another")
        result = run(tmp_path, "--scheduler", cluster.scheduler_address)
    assert result.code == 1
    assert any("has another version of theorylab" in line for line in result.lines)


def speak_http(server: socket.socket) -> None:
    """Answer everyone in a protocol that is not Dask's; read as a number of frames it asks for exabytes."""
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" * 10)


@pytest.mark.parametrize("listener", ["nobody", "a silent program", "a web server"])
def test_an_unreachable_scheduler_is_given_up(tmp_path, monkeypatch, listener):
    assert schedule.PATIENCE == 10
    monkeypatch.setattr(schedule, "PATIENCE", 1)
    add(tmp_path, "01_good")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        if listener != "nobody":
            server.listen()
        if listener == "a web server":
            threading.Thread(target=speak_http, args=(server,), daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        start = time.monotonic()
        result = run(tmp_path, "--full", "--scheduler", address)
    assert time.monotonic() - start < 4
    assert result.code == 1
    assert any(
        f"no Dask scheduler answers at {address}" in line and "leave --scheduler away" in line for line in result.lines
    )
