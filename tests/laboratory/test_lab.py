"""``--lab`` opens working copies: what is run and saved there changes nothing committed."""

import json
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager

from tests.laboratory.sample_laboratory import add, snapshot
from theorylab.laboratory import lab
from theorylab.laboratory.command import main


@pytest.fixture
def laboratory(tmp_path):
    add(tmp_path, "01_good")
    add(tmp_path, "02_other")
    return tmp_path


@pytest.fixture
def started(monkeypatch):
    """The commands by which JupyterLab would be started."""
    commands = []
    monkeypatch.setattr(lab.os, "execv", lambda path, command: commands.append(command))
    monkeypatch.setattr(lab.os, "chdir", lambda path: None)
    monkeypatch.setenv("JUPYTER_PATH", "")
    return commands


def edit(path: pathlib.Path, source: str | None = None) -> None:
    """Save a notebook as Jupyter does after a run, with another cell text if there is one."""
    document = nbformat.read(path, as_version=4)
    document.metadata.kernelspec.display_name = "Python 3 (theorylab)"
    document.cells[-1].outputs = [nbformat.v4.new_output("stream", text="quick")]
    document.cells[-1].source = source or document.cells[-1].source
    nbformat.write(document, path)


def test_the_kernel_is_this_interpreter_before_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    lab.register(tmp_path)
    assert KernelSpecManager().get_kernel_spec("python3").argv[0] == sys.executable


def test_options_names_and_root_are_passed_on(laboratory, started, monkeypatch):
    monkeypatch.setattr(lab.os, "geteuid", lambda: 1000)
    folder = laboratory / "build" / "lab"
    main(["--lab", "2", "--port", "9001", "--no-browser", "--", "--ServerApp.token=t"], root=laboratory)
    main(["--lab"], root=laboratory)
    monkeypatch.setattr(lab.os, "geteuid", lambda: 0)
    main(["--lab"], root=laboratory)
    named, plain, as_root = (command[3:] for command in started)
    place = f"--ServerApp.root_dir={folder}"
    options = ["--ServerApp.port=9001", "--no-browser", "--ServerApp.token=t"]
    assert named == [place, *options, str(folder / "02_other.ipynb")]
    assert plain == [place]
    assert as_root == [place, "--allow-root"]


@pytest.mark.parametrize("arguments", [("--port", "9000"), ("--no-browser",), ("--", "--ServerApp.token=t")])
def test_jupyter_options_without_lab_are_a_usage_error(laboratory, arguments):
    with pytest.raises(SystemExit) as error:
        main(list(arguments), root=laboratory)
    assert error.value.code == 2


def test_a_copy_that_was_only_run_follows_the_committed_notebook(laboratory):
    assert lab.copy(laboratory, ["01_good"]) == []
    working, original = laboratory / "build/lab/01_good.ipynb", laboratory / "notebooks/01_good.ipynb"
    assert working.read_bytes() == original.read_bytes()
    edit(working)
    ran = working.read_bytes()
    assert lab.copy(laboratory, ["01_good"]) == []
    assert working.read_bytes() == ran
    edit(original, "3")
    assert lab.copy(laboratory, ["01_good"]) == []
    assert working.read_bytes() == original.read_bytes()


def test_an_edited_copy_is_kept_and_said_so(laboratory):
    lab.copy(laboratory, ["01_good"])
    working, original = laboratory / "build/lab/01_good.ipynb", laboratory / "notebooks/01_good.ipynb"
    edit(working, "mine = 1")
    mine = working.read_bytes()
    (sentence,) = lab.copy(laboratory, ["01_good", "02_other"])
    assert sentence.startswith("build/lab/01_good.ipynb has edits of yours and is kept; remove it")
    edit(original, "theirs = 1")
    (sentence,) = lab.copy(laboratory, ["01_good"])
    assert "notebooks/01_good.ipynb has changed since" in sentence
    assert working.read_bytes() == mine
    original.write_bytes(mine)  # brought back, as the printed sentence says
    assert lab.copy(laboratory, ["01_good"]) == []


def test_a_copy_that_cannot_be_read_is_kept(laboratory):
    lab.copy(laboratory, ["01_good"])
    (laboratory / "build/lab/01_good.ipynb").write_text("{")
    (laboratory / "build/lab/.origins.json").write_text("[]")
    assert "is kept" in lab.copy(laboratory, ["01_good"])[0]


@pytest.mark.slow
def test_saving_in_a_running_server_changes_nothing_committed(laboratory):
    before = snapshot(laboratory)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = (
        f"import pathlib; from theorylab.laboratory.command import main; main(['--lab', '01', '--port', '{port}', "
        f"'--no-browser', '--', '--IdentityProvider.token=t'], root=pathlib.Path({str(laboratory)!r}))"
    )
    server = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def request(name: str, content: dict | None = None) -> dict:
        address = f"http://127.0.0.1:{port}/api/contents/{name}"
        headers = {"Authorization": "token t", "Content-Type": "application/json"}
        data = None if content is None else json.dumps(content).encode()
        made = urllib.request.Request(address, data, headers, method="PUT" if data else "GET")
        with urllib.request.urlopen(made, timeout=30) as answer:
            return json.load(answer)

    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                listed = [entry["name"] for entry in request("")["content"]]
                break
            except (OSError, urllib.error.URLError):
                assert time.monotonic() < deadline
                assert server.poll() is None
                time.sleep(0.5)
        assert listed == ["01_good.ipynb"]
        document = request("01_good.ipynb")["content"]
        document["cells"][-1]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "quick"}]
        request("01_good.ipynb", {"type": "notebook", "format": "json", "content": document})
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(30)
    assert "quick" in (laboratory / "build/lab/01_good.ipynb").read_text()
    assert snapshot(laboratory) == before
