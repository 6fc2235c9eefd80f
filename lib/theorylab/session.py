"""What a running notebook is, for those who write on its behalf: its name, preset, seed, device and output folder.

A notebook opens its session once, in its set-up cell::

    begin("01_broximal_point", preset=preset, seed=seed, device=device)

Verdicts and figures then go to the folder that the runner names in the environment variable ``THEORYLAB_OUTPUT``;
without a runner they go to ``build/interactive/``, so that exploring never touches the record.
"""

import os
import pathlib
from dataclasses import dataclass

OUTPUT_VARIABLE = "THEORYLAB_OUTPUT"
PRESETS = ("quick", "full", "paper")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Session:
    """One notebook being executed: ``notebook`` (stem), ``preset``, ``seed`` and the resolved ``device``."""

    notebook: str
    preset: str
    seed: int
    device: str

    def _repr_markdown_(self) -> str:
        return (
            f"*The outputs on this page were made with preset* **{self.preset}**, *seed* {self.seed}, "
            f"*device* {self.device}."
        )


_current: Session | None = None


def begin(notebook: str, *, preset: str, seed: int, device: str = "auto") -> Session:
    """Open the session of ``notebook`` (its file stem) and return it; shown in a notebook it names the preset.

    ``device`` "auto" becomes "cuda" where torch finds one, else "cpu". Raises ValueError for an unknown preset or
    device, and RuntimeError when "cuda" is asked for and there is none.
    """
    global _current
    if preset not in PRESETS:
        raise ValueError(f"preset must be one of {', '.join(PRESETS)}, got {preset!r}")
    _current = Session(notebook, preset, int(seed), resolve_device(device))
    return _current


def is_open() -> bool:
    """Whether a session is open."""
    return _current is not None


def current() -> Session:
    """The open session. Raises RuntimeError when there is none, with the line that opens one."""
    if _current is None:
        raise RuntimeError(
            "no session is open: first run `from theorylab.session import begin` and "
            '`begin("my_notebook", preset="quick", seed=0)`, as the set-up cell of every notebook does'
        )
    return _current


def resolve_device(device: str) -> str:
    """ "auto", "cpu" or "cuda" as a device that is there; torch is imported only when the answer depends on it."""
    if device not in DEVICES:
        raise ValueError(f"device must be one of {', '.join(DEVICES)}, got {device!r}")
    if device == "cpu":
        return "cpu"
    import torch

    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise RuntimeError('device "cuda" was asked for, but torch finds no CUDA device; use device="cpu" or "auto"')
    return "cuda" if available else "cpu"


def home() -> pathlib.Path:
    """The checkout this library was installed from (editable), i.e. the folder that holds ``claims/``.

    Raises FileNotFoundError where only the library is installed.
    """
    folder = pathlib.Path(__file__).resolve().parents[2]
    if not (folder / "claims").is_dir():
        raise FileNotFoundError(
            f"no claims/ folder in {folder}: claims and notebooks live in a checkout of theorylab; "
            "clone the repository and install it with `pip install --editable .`"
        )
    return folder


def output_folder() -> pathlib.Path:
    """Where figures and verdicts of the open session go (created on demand by whoever writes)."""
    given = os.environ.get(OUTPUT_VARIABLE)
    if given:
        return pathlib.Path(given)
    try:
        return home() / "build" / "interactive"
    except FileNotFoundError:
        return pathlib.Path.cwd() / "build" / "interactive"


def in_batch() -> bool:
    """Whether a runner executes the notebook: then nobody watches, and progress bars would be frozen into the page."""
    return bool(os.environ.get(OUTPUT_VARIABLE))
