"""What keeps the design: imports run one way, importing stays light, the code is formatted and small."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]
HEAVY = ("torch", "matplotlib", "seaborn", "scipy.stats", "distributed")


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize("module", ["theorylab", "theorylab.claims"])
def test_import_loads_nothing_heavy(module):
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert run(sys.executable, "-c", code).stdout.strip() == "[]"


def test_imports_run_one_way():
    result = run(sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("command", [("check",), ("format", "--check")])
def test_ruff(command):
    result = run(sys.executable, "-m", "ruff", *command, "lib", "tests", "benchmarks")
    assert result.returncode == 0, result.stdout


def test_committed_files_are_small():
    listed = run("git", "ls-files", "-z")
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    large = [str(path) for path in files if path.exists() and path.stat().st_size > 1_000_000]
    assert not large
