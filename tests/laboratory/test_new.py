"""``--new`` writes a small legal notebook into all rooms, which runs green as it is."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.laboratory.sample_laboratory import add
from theorylab.claims import catalogue
from theorylab.experiment.publish import PublishError
from theorylab.laboratory import environment, new

ROOT = environment.ROOT


def test_a_name_or_number_that_cannot_be_taken_is_refused_and_nothing_is_written(tmp_path):
    add(tmp_path, "01_good")
    (tmp_path / "tests/planted").mkdir(parents=True)
    (tmp_path / "tests/planted/there.py").write_text("")
    for stem, complaint in (("good", "is no name"), ("01_other", "belongs to 01_good"), ("02_there", "there already")):
        with pytest.raises(PublishError, match=complaint):
            new.create(tmp_path, stem)
    assert not list(tmp_path.glob("claims/02*"))


def test_ids_are_new(tmp_path):
    (tmp_path / "claims").mkdir()
    assert new.new_id(tmp_path, "stable_rank") == "SR-01"
    (tmp_path / "claims/01_a.toml").write_text('id = "SR-09"')
    assert new.new_id(tmp_path, "stable_rank") == "STA-01"
    assert new.new_id(tmp_path, "gluon") == "GL-01"


def test_its_claims_file_is_read(tmp_path):
    new.create(tmp_path, "90_trial_run")
    (claim,) = catalogue.read(tmp_path / "claims/90_trial_run.toml").claims.values()
    assert (claim.id, claim.headline, claim.expected) == ("TR-01", True, "supported")


@pytest.mark.slow
def test_the_skeleton_runs_green_as_it_is(tmp_path):
    """In a copy of the checkout: the rehearsal, its planted bugs, and every test that looks at notebooks."""
    for name in ("lib", "tests", "claims"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "notebooks").mkdir()
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    surroundings = {**os.environ, "PYTHONPATH": str(tmp_path / "lib"), "PYTHONDONTWRITEBYTECODE": "1"}

    def python(*arguments: str) -> str:
        command = [sys.executable, "-m", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=surroundings, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
        return done.stdout

    assert "notebooks/90_trial_run.ipynb" in python("theorylab.laboratory", "--new", "90_trial_run").splitlines()
    assert "1 supported" in python("theorylab.laboratory", "90")
    python("ruff", "check", "lib", "tests")
    python("ruff", "format", "--check", "lib", "tests")
    python("pytest", "tests/test_notebooks.py", "tests/test_planted.py", "tests/studies/trial_run", "-k", "trial_run")
