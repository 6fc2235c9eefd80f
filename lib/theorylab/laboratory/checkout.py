"""The four folders of a laboratory that share their stems, and which notebooks a user means."""

import difflib
import os
import pathlib
import re

from theorylab.experiment.publish import PublishError, sentence

STEM = re.compile(r"\d\d_[a-z0-9_]+")


class UnknownNotebook(LookupError):
    """No notebook has this name or number; the message lists those there are."""


def stems(root: pathlib.Path) -> list[str]:
    """The notebooks of the checkout, in order."""
    return sorted(path.stem for path in (root / "notebooks").glob("*.ipynb") if STEM.fullmatch(path.stem))


def select(root: pathlib.Path, names: list[str]) -> list[str]:
    """The stems that ``names`` mean, in order; all when there are none. A name is a stem, the part after the number,
    a number, or a path to the notebook. Raises UnknownNotebook."""
    known = stems(root)
    if not names:
        return known
    chosen = set()
    for name in names:
        wanted = pathlib.PurePath(name).name.removesuffix(".ipynb")
        hits = [
            stem
            for stem in known
            if wanted in (stem, stem[3:]) or (wanted.isdecimal() and int(wanted) == int(stem[:2]))
        ]
        if not hits:
            near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else "there are: " + (", ".join(known) or "none yet")
            raise UnknownNotebook(f"no notebook is called {name!r}; {hint}")
        chosen.update(hits)
    return [stem for stem in known if stem in chosen]


def make_folder(path: pathlib.Path) -> pathlib.Path:
    """``path``, a folder that can be written, made when it is not there. Raises PublishError with the remedy."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied", str(path))
    except OSError as error:
        raise PublishError(sentence(error, path)) from None
    return path


def notebook_path(root: pathlib.Path, stem: str) -> pathlib.Path:
    return root / "notebooks" / f"{stem}.ipynb"


def claims_path(root: pathlib.Path, stem: str) -> pathlib.Path:
    return root / "claims" / f"{stem}.toml"
