"""Choose, and where necessary make, the Python environment in which everything runs.

Standard library only, and run as a script before anything is installed (``run_all.sh``, ``run_tests.sh``): the
interpreter to use is printed on standard output, everything else on standard error.

An active environment is used if its Python is new enough, the installed versions satisfy ``pyproject.toml`` (read from
metadata, nothing is imported) and ``theorylab`` resolves to this checkout. Otherwise ``.venv`` is, made from
``requirements.lock``: its stamp carries the hash of the lock and says "complete" only at the very end, so that an
interrupted creation, or another lock, leads to a new one.
"""

import argparse
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import tomllib
import venv

ROOT = pathlib.Path(__file__).resolve().parents[3]
STAMP = "theorylab.json"
# What `python -m venv` puts into a new environment by itself.
BARE = {"pip", "setuptools", "wheel"}


class SetupError(Exception):
    """The environment cannot be made; the message says why and what to do."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="print the interpreter to use, making .venv where necessary")
    parser.add_argument("--dev", action="store_true", help="the development tools are needed too")
    parser.add_argument("--check", action="store_true", help="only print what is wrong with this interpreter")
    options = parser.parse_args(arguments)
    if options.check:
        print("\n".join(problems(ROOT, dev=options.dev)))
        return 0
    try:
        print(choose(ROOT, dev=options.dev))
    except SetupError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next run makes .venv anew")
        return 130
    return 0


def choose(root: pathlib.Path, *, dev: bool = False) -> str:
    """The interpreter to use: this one where its environment is good, else that of ``.venv``, made when needed.

    Raises SetupError when ``.venv`` cannot be made.
    """
    wrong = problems(root, dev=dev)
    if not wrong:
        say(f"using the active environment {sys.prefix} (Python {platform.python_version()})")
        return sys.executable
    folder = root / ".venv"
    python = folder / "bin" / "python"
    if not is_current(folder, root) or problems_of(python):
        say(f"the active environment {sys.prefix} is not used: {wrong[0]}")
        make(folder, root)
    state = read_stamp(folder)
    say(f"using .venv (Python {state.get('python')}, from {state.get('source')})")
    return str(python)


def say(text: str) -> None:
    print(f"theorylab: {text}", file=sys.stderr, flush=True)


# --- Is an environment good? ---------------------------------------------------------------------------------------


def problems(root: pathlib.Path, *, dev: bool = False) -> list[str]:
    """What is wrong with the running interpreter, in sentences; empty when it can be used."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = []
    if not satisfies(platform.python_version(), project["requires-python"]):
        found.append(f"Python {platform.python_version()} does not satisfy {project['requires-python']}")
    needed = project["dependencies"] + (project["optional-dependencies"]["dev"] if dev else [])
    for requirement in needed:
        name, specifier = split(requirement)
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{name} is not installed")
            continue
        if not satisfies(version, specifier):
            found.append(f"{name} {version} does not satisfy {specifier}")
    spec = importlib.util.find_spec("theorylab")
    if spec is None or spec.origin is None:
        found.append("theorylab is not installed in it")
    elif pathlib.Path(spec.origin).resolve() != (root / "lib" / "theorylab" / "__init__.py").resolve():
        found.append(f"its theorylab is another one ({spec.origin})")
    return found


def problems_of(python: pathlib.Path) -> list[str]:
    """What is wrong with another interpreter, including that it does not start. The development tools are in the
    lock, so they are always expected there."""
    try:
        answer = subprocess.run(
            [python, "-P", __file__, "--check", "--dev"], capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        return [f"{python} does not run ({error})"]
    return answer.stdout.split("\n")[:-1] if answer.stdout.strip() else []


def split(requirement: str) -> tuple[str, str]:
    """Name and version specifier of a requirement such as ``numpy>=2.0,<3``.

    Raises ValueError for the forms that this project does not use (URLs, markers).
    """
    match = re.fullmatch(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*([<>=!~][^;@]*)?", requirement)
    if not match:
        raise ValueError(f"pyproject.toml: cannot read the requirement {requirement!r}")
    return match[1], (match[2] or "").strip()


def satisfies(version: str, specifier: str) -> bool:
    """Whether ``version`` lies in ``specifier``, a comma-separated list of ``>= > <= < == !=`` with plain numbers.

    Packaging's rules for these operators: local suffixes do not count, a pre-release comes before its release.
    """
    compare = {
        ">=": lambda order: order >= 0,
        ">": lambda order: order > 0,
        "<=": lambda order: order <= 0,
        "<": lambda order: order < 0,
        "==": lambda order: order == 0,
        "!=": lambda order: order != 0,
    }
    for part in filter(None, (piece.strip() for piece in specifier.split(","))):
        match = re.fullmatch(r"(>=|<=|==|!=|>|<)\s*([0-9.]+)", part)
        if not match:
            raise ValueError(f"cannot read the version range {part!r}; use >= > <= < == != with plain numbers")
        own, bound = sort_key(version), sort_key(match[2])
        if not compare[match[1]]((own > bound) - (own < bound)):
            return False
    return True


def sort_key(version: str) -> tuple:
    """Sorts versions: the release without trailing zeros, then pre-releases before everything else."""
    match = re.match(r"v?(?:\d+!)?(\d+(?:\.\d+)*)(.*)", version.split("+")[0].strip().lower())
    if not match:
        raise ValueError(f"cannot read the version {version!r}")
    release = [int(number) for number in match[1].split(".")]
    while release and release[-1] == 0:
        release.pop()
    return tuple(release), 0 if re.match(r"[._-]?(a|b|c|rc|alpha|beta|dev|pre)", match[2]) else 1


# --- The environment of this checkout ------------------------------------------------------------------------------


def digest(root: pathlib.Path) -> str:
    """Hash of the lock, line endings apart."""
    return hashlib.sha256((root / "requirements.lock").read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def read_stamp(folder: pathlib.Path) -> dict:
    """What ``.venv`` says about itself; empty when it says nothing readable."""
    try:
        state = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def write_stamp(folder: pathlib.Path, state: dict) -> None:
    partial = folder / f"{STAMP}.partial"
    partial.write_text(json.dumps(state) + "\n", encoding="utf-8")
    os.replace(partial, folder / STAMP)


def is_current(folder: pathlib.Path, root: pathlib.Path) -> bool:
    """Whether ``.venv`` was completed from this lock."""
    state = read_stamp(folder)
    return state.get("state") == "complete" and state.get("lock") == digest(root)


def make(folder: pathlib.Path, root: pathlib.Path) -> None:
    """Make ``.venv`` anew: the lock, or the ranges of ``pyproject.toml`` where the lock does not resolve on this
    Python, then this checkout, editable. Raises SetupError when something fails or a foreign environment is there."""
    clear(folder)
    state = {"state": "being made", "lock": digest(root), "python": platform.python_version()}
    folder.mkdir()
    write_stamp(folder, state)
    say("making .venv; the first time this downloads a few hundred MB (several GB where torch comes with CUDA)")
    try:
        venv.create(folder, with_pip=True, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(
            f"{sys.executable} cannot make an environment ({error}); install its venv module "
            "(on Debian and Ubuntu: apt install python3-venv), or activate an environment that has the project"
        ) from None
    if install(folder, "--requirement", str(root / "requirements.lock")):
        state["source"] = "requirements.lock"
    else:
        say(
            f"WARNING: requirements.lock (made with Python 3.11) does not install on Python {state['python']}; taking "
            "the ranges of pyproject.toml instead, so numbers may differ in their last digits"
        )
        state["source"] = "the ranges of pyproject.toml"
        if not install(folder, "--editable", f"{root}[dev]"):
            raise SetupError("the packages cannot be installed; see pip's message above, then run this again")
    if not install(folder, "--no-deps", "--editable", str(root)):
        raise SetupError("theorylab itself cannot be installed; see pip's message above, then run this again")
    write_stamp(folder, state | {"state": "complete"})


def clear(folder: pathlib.Path) -> None:
    """Remove an earlier ``.venv``. Raises SetupError for one that somebody else made and filled."""
    if not folder.exists():
        return
    packages = {path.name.split("-")[0].lower() for path in folder.glob("lib/python*/site-packages/*.dist-info")}
    if not (folder / STAMP).exists() and packages - BARE:
        raise SetupError(
            ".venv was not made by this script and has packages in it: install the project there yourself "
            "(.venv/bin/pip install --editable '.[dev]') and activate it, or remove the folder"
        )
    say("removing the earlier .venv: it is incomplete or belongs to another requirements.lock")
    shutil.rmtree(folder)


def install(folder: pathlib.Path, *arguments: str) -> bool:
    """Whether pip could install it into the environment (its messages go to standard error).

    Raises SetupError when pip did not come to an answer because it was killed.
    """
    command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    code = subprocess.run(command, stdout=sys.stderr, check=False).returncode
    if code < 0:
        raise SetupError(f"pip was ended by {signal.Signals(-code).name}, perhaps for lack of memory; run this again")
    return code == 0


if __name__ == "__main__":
    sys.exit(main())
