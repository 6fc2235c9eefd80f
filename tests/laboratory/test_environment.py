"""The files that describe the environment agree with each other."""

import re
import tomllib

import yaml
from packaging.requirements import Requirement

from theorylab.laboratory import environment

ROOT = environment.ROOT
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = [line for line in (ROOT / "requirements.lock").read_text().splitlines() if line and not line.startswith("#")]


def test_every_requirement_of_the_lock_is_one_exact_public_version():
    for line in LOCK:
        requirement = Requirement(line)
        (specifier,) = requirement.specifier
        assert specifier.operator == "=="
        assert re.fullmatch(r"[0-9.]+(\.?(post|rc|a|b)[0-9]+)?", specifier.version), line
    names = [Requirement(line).name.lower().replace("_", "-") for line in LOCK]
    assert len(set(names)) == len(names)


def test_the_lock_holds_every_direct_dependency_in_its_range():
    locked = {Requirement(line).name.lower(): next(iter(Requirement(line).specifier)).version for line in LOCK}
    for text in environment.requirements(PROJECT, "dev"):
        requirement = Requirement(text)
        assert locked[requirement.name.lower()] in requirement.specifier, text
    assert locked["torch"] == "2.13.0"


def test_dependencies_are_few():
    assert len(PROJECT["dependencies"]) <= 4
    assert len(environment.requirements(PROJECT, "notebooks")) <= 20


def test_environment_yml_points_at_the_same_files_and_pins_nothing_itself():
    content = yaml.safe_load((ROOT / "environment.yml").read_text())
    *conda, pip = content["dependencies"]
    assert [re.split("[=<>]", name)[0] for name in conda] == ["python", "pip"]
    arguments = dict(line.split(maxsplit=1) for line in pip["pip"])
    assert arguments == {"--requirement": "requirements.lock", "--editable": ".[notebooks]"}
    assert (ROOT / arguments["--requirement"]).exists()
