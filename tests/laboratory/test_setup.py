"""Set-up: which environment is used, when ``.venv`` is made anew, and the two scripts."""

import os
import shutil
import subprocess
import sys
import tomllib

import pytest
from packaging.specifiers import SpecifierSet

from theorylab.laboratory import environment

ROOT = environment.ROOT


@pytest.mark.parametrize(
    "version", ["1.9.3", "2", "2.0.0", "2.0.0rc1", "2.0.1.post1", "2.9.0+cpu", "2.10", "3.0a1", "3"]
)
@pytest.mark.parametrize("specifier", [">=2.0,<3", ">1.9.3", "<=2", "==2.0", "!=2.0", ">=2.9", ""])
def test_versions_compare_as_in_packaging(version, specifier):
    expected = SpecifierSet(specifier).contains(version, prereleases=True)
    if version == "3.0a1" and "<3" in specifier:
        expected = True  # packaging keeps a pre-release of the bound out; as a number it lies below
    assert environment.satisfies(version, specifier) == expected


def test_a_range_that_cannot_be_read_is_an_error_not_a_pass():
    with pytest.raises(ValueError, match="cannot read the version range"):
        environment.satisfies("1.0", "~=1.0")
    with pytest.raises(ValueError, match="cannot read the requirement"):
        environment.split("numpy @ file:///numpy.whl")


def test_this_environment_satisfies_the_project():
    assert environment.problems(ROOT, dev=True) == []


@pytest.fixture
def checkout(tmp_path):
    """A copy of what set-up looks at."""
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_problems_name_the_package_and_the_range(checkout):
    text = (checkout / "pyproject.toml").read_text().replace('"numpy>=2.0,<3"', '"numpy>=99", "no-such-package>=1"')
    (checkout / "pyproject.toml").write_text(text)
    found = environment.problems(checkout)
    assert any("numpy" in sentence and "does not satisfy >=99" in sentence for sentence in found)
    assert "no-such-package is not installed" in found
    assert any("its theorylab is another one" in sentence for sentence in found)


def test_nothing_is_imported_to_look_at_versions():
    code = (
        "import sys, runpy; sys.argv = ['environment.py', '--check', '--dev'];\n"
        "try: runpy.run_path({path!r}, run_name='__main__')\n"
        "except SystemExit: pass\n"
        "assert not {{'numpy', 'torch', 'theorylab'}} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-P", "-c", code.format(path=environment.__file__)], check=True)


@pytest.fixture
def installed(monkeypatch):
    """Set-up without the network: what pip was asked to install; ``fails`` lists what it cannot."""
    calls, fails = [], []

    def install(folder, *arguments):
        calls.append(arguments)
        return "no matching distribution found" if arguments[0] in fails else None

    def create(folder, **options):
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").touch()

    monkeypatch.setattr(environment, "install", install)
    monkeypatch.setattr(environment.venv, "create", create)
    monkeypatch.setattr(environment, "problems_of", lambda python: [])
    install.calls, install.fails = calls, fails
    return install


def test_a_complete_environment_of_this_lock_is_used_again(checkout, installed, capsys):
    python = environment.choose(checkout)
    assert python == str(checkout / ".venv/bin/python")
    made = len(installed.calls)
    assert environment.choose(checkout) == python
    assert len(installed.calls) == made
    assert "using .venv" in capsys.readouterr().err


def test_another_lock_an_interrupted_creation_and_a_broken_environment_lead_to_a_new_one(
    checkout, installed, monkeypatch
):
    environment.choose(checkout)
    made = len(installed.calls)
    with open(checkout / "requirements.lock", "a") as lock:
        lock.write("# changed\n")
    environment.choose(checkout)
    assert len(installed.calls) == 2 * made

    monkeypatch.setattr(environment, "install", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
    (checkout / "requirements.lock").write_text("# changed again\n")
    with pytest.raises(KeyboardInterrupt):
        environment.choose(checkout)
    assert environment.read_stamp(checkout / ".venv")["state"] == "being made"
    monkeypatch.setattr(environment, "install", installed)
    environment.choose(checkout)
    assert len(installed.calls) == 3 * made

    monkeypatch.setattr(environment, "problems_of", lambda python: ["it does not run"])
    environment.choose(checkout)
    assert len(installed.calls) == 4 * made


def test_a_lock_that_does_not_resolve_falls_back_to_the_ranges_with_a_warning(checkout, installed, capsys):
    installed.fails.append("--requirement")
    environment.choose(checkout)
    assert ("--editable", f"{checkout}[dev]") in installed.calls
    assert "WARNING: requirements.lock" in capsys.readouterr().err
    assert environment.read_stamp(checkout / ".venv")["source"] == "the ranges of pyproject.toml"


def test_nothing_is_complete_when_the_ranges_do_not_install_either(checkout, installed):
    installed.fails += ["--requirement", "--editable"]
    with pytest.raises(environment.SetupError, match="cannot be installed"):
        environment.choose(checkout)
    assert not environment.is_current(checkout / ".venv", checkout)


def test_a_killed_pip_is_no_reason_to_take_the_ranges(tmp_path):
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nkill -KILL $$\n")
    python.chmod(0o755)
    with pytest.raises(environment.SetupError, match="ended by SIGKILL"):
        environment.install(tmp_path, "--requirement", "requirements.lock")


PIP = """\
#!/bin/sh
echo "{said}" >&2
exit 1
"""


def pip_that_says(folder, said: str) -> None:
    """An environment in ``folder`` whose pip fails with these words."""
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PIP.format(said=said))
    python.chmod(0o755)


# Words of pip 23 to 26.
REFUSED = "WARNING: Retrying (Retry(total=0)) after connection broken by NewConnectionError('Failed to establish')"
NOTHING = "ERROR: No matching distribution found for numpy==2.4.6"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (f"{REFUSED}\n{NOTHING}", "the package index cannot be reached"),
        (
            f"WARNING: Retrying after NameResolutionError: Temporary failure in name resolution\n{NOTHING}",
            "the network",
        ),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: HTTP error 404 while getting numpy", "another reason than the packages"),
    ],
)
def test_an_outage_is_named_and_no_reason_to_take_the_ranges(checkout, monkeypatch, said, sentence):
    def create(folder, **options):
        pip_that_says(folder, said)

    monkeypatch.setattr(environment.venv, "create", create)
    with pytest.raises(environment.SetupError, match=sentence):
        environment.choose(checkout)
    assert environment.read_stamp(checkout / ".venv")["state"] == "being made"


@pytest.mark.parametrize(
    "said", [NOTHING, "ERROR: Package 'x' requires a different Python: 3.15", "error: subprocess-exited-with-error"]
)
def test_packages_that_are_not_there_for_this_python_are_an_answer(tmp_path, said):
    pip_that_says(tmp_path, said)
    assert said.lower() in environment.install(tmp_path, "--requirement", "requirements.lock")


def test_pip_itself_says_that_it_has_no_network(tmp_path, monkeypatch):
    """The words above are those of the pip that is installed here."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(environment.SetupError, match="the package index cannot be reached"):
        environment.install(tmp_path, "--target", str(tmp_path / "nowhere"), "theorylab-is-not-there")


def test_an_environment_that_somebody_else_filled_is_left_alone(checkout, installed):
    packages = checkout / ".venv" / "lib" / "python3.11" / "site-packages"
    (packages / "precious-1.0.dist-info").mkdir(parents=True)
    with pytest.raises(environment.SetupError, match="not made by this script"):
        environment.choose(checkout)
    assert packages.exists()


@pytest.mark.parametrize("script", ["run_all.sh", "run_tests.sh", ".ci/run"])
def test_the_scripts_are_executable_and_parse(script):
    assert os.access(ROOT / script, os.X_OK)
    subprocess.run(["bash", "-n", ROOT / script], check=True)


def test_help_needs_no_environment(tmp_path):
    """A bare Python is enough: one without site-packages."""
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    (tmp_path / "python").chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    result = subprocess.run([ROOT / "run_all.sh", "--help"], env={"PATH": path}, capture_output=True, text=True)
    assert result.returncode == 0
    options = ("--full", "--stale", "--list", "--device", "--seed", "--preset", "--workers", "--scheduler", "--lab")
    assert all(option in result.stdout for option in options)
    assert "exit codes" in result.stdout


def test_without_a_new_enough_python_the_scripts_say_so(tmp_path):
    for tool in ("bash", "dirname"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    result = subprocess.run(["bash", ROOT / "run_all.sh"], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert result.returncode == 1
    assert "needs Python 3.11 or newer" in result.stderr


def test_the_requirements_are_those_that_set_up_can_read():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = environment.requirements(project, "dev")
    assert {environment.split(requirement)[0] for requirement in needed} >= {"torch", "papermill", "pytest"}
    assert not any(requirement.startswith("theorylab") for requirement in needed)
    for requirement in needed:
        environment.satisfies("1.0", environment.split(requirement)[1])
