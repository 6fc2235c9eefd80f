"""Choose, and where necessary make, the Python environment in which everything runs.

Standard library only, and run as a script before anything is installed (``run_all.sh``, ``run_tests.sh``): the
interpreter to use is printed on standard output, everything else on standard error.

An active environment is used if its Python is new enough, the installed versions satisfy ``pyproject.toml`` (read from
metadata, nothing is imported) and ``theorylab`` resolves to this checkout. Otherwise ``.venv`` is, made from
``requirements.lock``: its stamp carries the hash of the lock and says "complete" only at the very end, so that an
interrupted creation, or another lock, leads to a new one.
"""

import signal

if __name__ == "__main__":
    # Until it can answer, Ctrl-C ends this script without a traceback; it has done nothing yet.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

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
    signal.signal(signal.SIGINT, signal.default_int_handler)
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
    for requirement in requirements(project, "dev" if dev else "notebooks"):
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


def requirements(project: dict, extra: str) -> list[str]:
    """The requirements of ``project`` with ``extra``; one that names the project itself stands for another extra."""
    found = list(project["dependencies"])
    waiting = [extra]
    while waiting:
        for requirement in project["optional-dependencies"][waiting.pop()]:
            own = re.fullmatch(rf"{project['name']}\[(\w+)\]", requirement)
            waiting.append(own[1]) if own else found.append(requirement)
    return found


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
    trouble = install(folder, "--requirement", str(root / "requirements.lock"))
    if trouble is None:
        state["source"] = "requirements.lock"
    else:
        say(
            f"WARNING: requirements.lock (made with Python 3.11) does not install on Python {state['python']}; taking "
            "the ranges of pyproject.toml instead, so numbers may differ in their last digits"
        )
        state["source"] = "the ranges of pyproject.toml"
        if install(folder, "--editable", f"{root}[dev]") is not None:
            raise SetupError("the packages cannot be installed; see pip's message above, then run this again")
    if install(folder, "--no-deps", "--editable", str(root)) is not None:
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


# What pip says, in lower case, when a package cannot be had for this Python: all that leads from lock to ranges.
UNRESOLVED = (
    "requires a different python",
    "requires-python",
    "require a different python",
    "no matching distribution found",
    "resolutionimpossible",
    "failed to build",
    "failed building wheel",
    "metadata-generation-failed",
    "subprocess-exited-with-error",
)
# What it says, and what to do, when the trouble lies elsewhere and will pass.
PASSING = {
    ("no space left on device", "disk quota exceeded"): "the disk is full; free some space, then run this again",
    (
        "connection broken",
        "failed to establish a new connection",
        "name resolution",
        "nameresolutionerror",
        "connectionerror",
        "connecttimeout",
        "read timed out",
        "network is unreachable",
        "proxyerror",
        "sslerror",
        "could not fetch url",
        "http error 5",
    ): "the package index cannot be reached; look at the network and pip's settings, then run this again",
}


def install(folder: pathlib.Path, *arguments: str) -> str | None:
    """Install into the environment with pip, whose messages go to standard error; None when it could, else what pip
    said when a package cannot be had for this Python.

    Raises SetupError for every other failure: it says nothing about the packages, and may have passed at the next try.
    """
    command = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    said = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as pip:
        for line in pip.stdout:
            said.append(line.lower())
            print(line, end="", file=sys.stderr, flush=True)
    if pip.returncode == 0:
        return None
    if pip.returncode < 0:
        raise SetupError(
            f"pip was ended by {signal.Signals(-pip.returncode).name}, perhaps for lack of memory; run this again"
        )
    text = "".join(said)
    for signs, sentence in PASSING.items():
        if any(sign in text for sign in signs):
            raise SetupError(sentence)
    if not any(sign in text for sign in UNRESOLVED):
        raise SetupError("pip failed for another reason than the packages; see its message above, then run this again")
    return text


if __name__ == "__main__":
    sys.exit(main())
