"""Planted bugs: each table names a bug, the function it lives in, and the claims whose outcome it must change.

A check that stays green while the code under test is wrong proves nothing. ``tests/test_planted.py`` plants each bug
in a fresh interpreter, runs the sections of the notebook that judge the named claims, and looks at the outcomes.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """One planted bug: ``target`` is "module:attribute" where the attribute is looked up, ``patch`` takes the original
    and returns the wrong one, ``claims`` are the ids whose outcome must leave ``expected``."""

    name: str
    target: str
    patch: Callable
    claims: tuple[str, ...]


def scaled(factor):
    """The result is off by a factor."""

    def patch(function):
        return lambda *args, **kwargs: factor * function(*args, **kwargs)

    return patch
