"""What the slim library does without: packages that come with the extra ``notebooks``."""

import importlib
from types import ModuleType


def need(name: str, purpose: str) -> ModuleType:
    """The module ``name``, imported for ``purpose`` (a clause that begins with its user).

    Raises ModuleNotFoundError with the command that installs it.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise missing(error, purpose) from None


def missing(error: ModuleNotFoundError, purpose: str) -> ModuleNotFoundError:
    """The same error in words that say what to do."""
    return ModuleNotFoundError(
        f"{purpose} needs {error.name}, which the slim library leaves out; in a clone run pip install '.[notebooks]'",
        name=error.name,
    )
