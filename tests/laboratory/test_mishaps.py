"""What happens to users: a full disk, a folder in the way, a signal at the wrong moment, a closed pipe; never a
traceback, always a sentence with a remedy."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

import distributed
import psutil
import pytest

from tests.laboratory.sample_laboratory import add, ledger_entry, snapshot
from tests.laboratory.test_runner import is_gone, run
from theorylab.experiment import execution, publish
from theorylab.laboratory import batch, interrupts, log, progress

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAN = {"ledger/GOOD-1.json": b"new", "figures/new.svg": b"new"}


class Killed(BaseException):
    """Ends a replacement as SIGKILL would: nobody cleans up."""


def cut_off(root: pathlib.Path) -> dict[str, bytes]:
    """Leave the record half-published, as a killed run does; returns what it was before."""
    before = snapshot(root)

    def killed(root, journal, name, content):
        swap(root, journal, name, content)
        raise Killed

    swap = publish.swap
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish, "swap", killed)
        with pytest.raises(Killed):
            publish.replace_files(root, PLAN, batch.record_journal(root))
    assert snapshot(root) != before
    return before


# --- Signals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_a_request_to_end_waits_until_the_files_are_swapped(number):
    swapped = []

    def publishing():
        with interrupts.undisturbed():
            os.kill(os.getpid(), number)
            swapped.append(number)

    with pytest.raises(KeyboardInterrupt):
        publishing()
    assert swapped


def test_nohup_still_ignores_the_closed_terminal():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupts.ends_by_interrupt() as asked, interrupts.undisturbed():
            os.kill(os.getpid(), signal.SIGHUP)
        assert not asked
    finally:
        signal.signal(signal.SIGHUP, before)


def test_sigterm_in_the_middle_of_publishing_publishes_the_notebook_and_ends_the_run(tmp_path, monkeypatch):
    add(tmp_path, "01_good")
    add(tmp_path, "02_never")
    swap = publish.swap

    def terminated(root, journal, name, content):
        if name.startswith("figures/"):
            os.kill(os.getpid(), signal.SIGTERM)
        swap(root, journal, name, content)

    monkeypatch.setattr(publish, "swap", terminated)
    result = run(tmp_path, "--full", "--workers", "1")
    assert result.code == 130
    assert result.lines[-1].startswith("Interrupted: 1 of 2 notebooks had finished")
    assert ledger_entry(tmp_path, "GOOD-1")["preset"] == "full"
    assert (tmp_path / "figures/01_good/a.svg").exists()
    assert not batch.record_journal(tmp_path).exists()
    assert "01_good  [fresh]" in run(tmp_path, "--list", "01").lines


@pytest.mark.parametrize("arguments", [("--list",), ()], ids=["the list", "a quick run"])
def test_a_half_published_record_is_noticed_and_repaired(tmp_path, arguments):
    add(tmp_path, "01_good")
    before = cut_off(tmp_path)
    result = run(tmp_path, *arguments)
    assert "An earlier run was cut off while it published; its changes were undone." in result.err
    assert result.code == 0
    assert snapshot(tmp_path) == before


def test_a_journal_that_cannot_be_read_stops_the_command_with_a_remedy(tmp_path):
    add(tmp_path, "01_good")
    cut_off(tmp_path)
    (batch.record_journal(tmp_path) / publish.JOURNAL).write_text('{"ledger/GOOD')
    result = run(tmp_path, "--list")
    assert result.code == 1
    assert "journal cannot be read" in result.lines[0]
    assert "version control" in result.lines[0]


def start(root: pathlib.Path, *arguments: str, **options) -> subprocess.Popen:
    """The command as ``run_all.sh`` starts it, on the laboratory ``root``."""
    code = (
        "import functools, pathlib, theorylab.laboratory.command as command, theorylab.laboratory.__main__ as start; "
        f"command.main = functools.partial(command.main, {list(arguments)!r}, pathlib.Path({str(root)!r})); "
        "import sys; sys.exit(start.finish(start.run()))"
    )
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, **options)


def test_ctrl_c_at_any_time_leaves_no_traceback(tmp_path):
    """In the first second, while it runs, and again and again at the end."""
    add(tmp_path, "01_slow", "import time; time.sleep(30)")
    for delay in (0.1, 0.4, 0.8, 3.0):
        with start(tmp_path, "--workers", "1", stdout=subprocess.DEVNULL, start_new_session=True) as process:
            time.sleep(delay)
            while process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGINT)
                time.sleep(0.2)
            error = process.stderr.read().decode()
        # An interpreter that is still starting prints its own words; it has read nothing of this project yet.
        if "theorylab" in error or "Traceback" not in error:
            assert "Traceback" not in error, error
            assert process.returncode in (130, -signal.SIGINT)


# --- Pipes, letters, links -----------------------------------------------------------------------------------------


def test_a_closed_pipe_ends_the_list_quietly(tmp_path):
    add(tmp_path, "01_good")
    with start(tmp_path, "--list", stdout=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 141


def test_letters_that_the_terminal_does_not_have_are_replaced(tmp_path):
    add(tmp_path, "01_good")
    claims = tmp_path / "claims" / "01_good.toml"
    claims.write_text(claims.read_text().replace("claim GOOD-1", "S² + 2S₄"), encoding="utf-8")
    surroundings = {**os.environ, "PYTHONIOENCODING": "ascii"}
    with start(tmp_path, "--list", stdout=subprocess.PIPE, env=surroundings) as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert b"S? + 2S?" in out


def test_the_script_may_be_called_through_a_link(tmp_path):
    (tmp_path / "theorylab").symlink_to(ROOT / "run_all.sh")
    result = subprocess.run([tmp_path / "theorylab", "--help"], capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0
    assert "exit codes" in result.stdout


# --- Folders and disks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["build", "build/dask", "build/logs", "build/quick-0-auto"])
def test_a_file_in_the_place_of_a_folder_is_named(tmp_path, name):
    add(tmp_path, "01_good")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("in the way")
    result = run(tmp_path)
    assert result.code == 1
    assert str(tmp_path / name) in result.lines[0]
    assert "a file stands where a folder is needed: remove it" in result.lines[0]


@pytest.mark.parametrize("number", [13, 30])
def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch, number):
    def refuse(path, *arguments, **options):
        raise OSError(number, os.strerror(number), str(path))

    add(tmp_path, "01_good")
    monkeypatch.setattr(pathlib.Path, "mkdir", refuse)
    result = run(tmp_path)
    assert result.code == 1
    assert result.lines[0].startswith("No notebook ran: ")
    assert os.strerror(number) in result.lines[0]


@pytest.mark.parametrize("content", ["[]", '"fast"', '{"quick": 3}', '{"quick": {"01_good": "fast"}}', "{"])
def test_seconds_that_are_none_are_no_estimate(tmp_path, content):
    (tmp_path / "build").mkdir()
    (tmp_path / progress.HERE).write_text(content)
    assert progress.known_seconds(tmp_path, "quick") == {}
    progress.remember(tmp_path, "quick", {"01_good": 1.0})
    assert progress.known_seconds(tmp_path, "quick") == {"01_good": 1.0}


def test_a_full_disk_is_named_where_a_cell_meets_it(tmp_path):
    add(tmp_path, "01_full", "with open('/dev/full', 'w') as file:\n    file.write('x' * 10**6)")
    result = run(tmp_path)
    (sentence,) = [line for line in result.lines if line.startswith("FAILED: ")]
    assert "No space left on device (the disk is full: " in sentence
    assert "free some space there" in sentence
    assert "mend it" not in sentence


def test_a_full_disk_is_named_where_a_process_died_without_words(tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "free_megabytes", lambda folder: 0)
    add(tmp_path, "01_full", "import os, psutil\npsutil.Process(os.getpid()).parent().kill()\nos.read(0, 1)")
    source = (tmp_path / "notebooks/01_full.ipynb").read_bytes()
    outcome = execution.execute("01_full", source, {"preset": "quick", "seed": 0, "device": "cpu"})
    assert "the disk is full: 0 MB are free" in outcome.error
    assert outcome.remedy == execution.MORE_SPACE


def test_a_disk_that_is_full_before_the_start_is_named(monkeypatch):
    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(execution.tempfile, "TemporaryDirectory", full)
    outcome = execution.execute("01_full", b"{}", {})
    assert "could not be started: the disk of" in outcome.error
    assert execution.MORE_SPACE in outcome.error


# --- Devices, schedulers, logs -------------------------------------------------------------------------------------


def test_cuda_without_a_gpu_fails_at_once_with_advice_that_helps(tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    add(tmp_path, "01_good")
    result = run(tmp_path, "--device", "cuda")
    assert result.code == 2
    assert "leave --device away to use the CPU" in result.err
    assert result.lines == []


def test_the_command_that_asks_for_the_same_again_keeps_the_scheduler(tmp_path):
    rehearsal = batch.Run(tmp_path, seed=3, address="tcp://host:8786")
    assert rehearsal.flags == " --seed 3 --scheduler tcp://host:8786"
    record = batch.Run(tmp_path, preset="full", device="cpu", address="tcp://host:8786")
    assert record.flags == " --full --scheduler tcp://host:8786"


def test_every_run_leaves_a_log_and_says_without_a_terminal_what_it_does(tmp_path):
    add(tmp_path, "01_good", "import sys; sys.__stderr__.write('words past the notebook')")
    add(tmp_path, "02_raises", "import os; os.write(2, b'last words'); 1 / 0")
    result = run(tmp_path, "--workers", "1")
    assert "started 01_good" in result.err
    (path,) = (tmp_path / "build/logs").glob("*-quick-0-auto.log")
    assert f"Log: build/logs/{path.name}" in result.err
    text = path.read_text()
    assert "started 01_good" in text
    assert "ZeroDivisionError in code cell 2" in text
    assert "Results of 1 of 2 notebooks" in text


def test_old_logs_go(tmp_path):
    for number in range(log.KEPT + 5):
        (tmp_path / f"{number:03}.log").write_text("")
        os.utime(tmp_path / f"{number:03}.log", (number, number))
    with log.written_to(tmp_path, "new") as path:
        log.logger.info("said")
    names = sorted(entry.name for entry in tmp_path.glob("*.log"))
    assert len(names) == log.KEPT
    assert "005.log" not in names
    assert "said" in path.read_text()


def test_a_lost_scheduler_is_one_sentence_and_its_kernels_end(tmp_path):
    """A scheduler of the user's own is killed while a notebook runs there."""
    pid = tmp_path / "build" / "pid"
    pid.parent.mkdir()
    write = f"import os, pathlib, time\npathlib.Path({str(pid)!r}).write_text(str(os.getpid()))\ntime.sleep(100)"
    add(tmp_path, "01_slow", write)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", address, "--no-dashboard"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
    processes = [subprocess.Popen(scheduler, **quiet)]
    try:
        with distributed.Client(address, timeout=60, set_as_default=False) as client:
            processes.append(subprocess.Popen(worker, **quiet))
            client.wait_for_workers(1, timeout=60)

        def kill():
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and not (pid.exists() and pid.read_text()):
                time.sleep(0.1)
            processes[0].kill()

        threading.Thread(target=kill, daemon=True).start()
        result = run(tmp_path, "--scheduler", address)
        assert result.code == 1
        (sentence,) = [line for line in result.lines if "was lost" in line]
        assert sentence.startswith(f"The scheduler at {address} was lost while notebooks ran")
        assert "Traceback" not in result.err
        assert is_gone(int(pid.read_text()), within=20)
    finally:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
            process.kill()
            process.wait()
