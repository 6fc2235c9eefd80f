"""The slim library: what its instruments need when they are imported, and what a user is told who needs more."""

import pathlib
import subprocess
import sys
import tomllib

import pytest

from theorylab.laboratory import environment

ROOT = pathlib.Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Torch brings these itself.
WITH_TORCH = {"sympy", "filelock"}
EXTRAS = {environment.split(text)[0] for text in PROJECT["optional-dependencies"]["notebooks"]} - WITH_TORCH
INSTRUMENTS = ("claims", "spectral", "optimizers", "methods", "problems", "networks")
BLOCKED = f"""\
import importlib, importlib.util, pkgutil, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {sorted(EXTRAS)!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
"""


def python(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", BLOCKED + code], cwd=ROOT, capture_output=True, text=True)


def test_every_instrument_is_imported_without_the_extras():
    code = f"""
for room in {INSTRUMENTS!r}:
    if importlib.util.find_spec("theorylab." + room) is None:
        continue
    package = importlib.import_module("theorylab." + room)
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
import theorylab.random, theorylab.session
print("imported")
"""
    result = python(code)
    assert result.stdout == "imported\n", result.stderr


@pytest.mark.parametrize(
    ("code", "package"),
    [
        ("import theorylab.plotting", "matplotlib"),
        ("from theorylab.experiment import sweep\nsweep(lambda seed: {})", "pandas"),
        ("from theorylab.extras import need\nneed('cvxpy', 'this conic program')", "cvxpy"),
    ],
)
def test_who_needs_an_extra_is_told_how_to_get_it(code, package):
    last = python(code).stderr.strip().splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: ")
    assert f"needs {package}, which the slim library leaves out" in last
    assert "pip install '.[notebooks]'" in last


def test_the_types_are_announced():
    assert (ROOT / "lib" / "theorylab" / "py.typed").exists()
