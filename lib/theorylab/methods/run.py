"""The one loop: a method says what a step is; stopping and recording are decided here."""

from collections import Counter
from typing import TYPE_CHECKING

from theorylab.extras import need

if TYPE_CHECKING:
    import pandas as pd


class Counted:
    """A problem whose calls of ``brox``, ``prox``, ``gradient`` and ``loss`` are counted in ``calls``.

    Everything else is passed on. Methods call the oracle; nobody counts by hand.
    """

    COUNTED = ("brox", "prox", "gradient", "loss")

    def __init__(self, problem):
        self.problem = problem
        self.calls = Counter()

    def __getattr__(self, name):
        value = getattr(self.problem, name)
        if name not in self.COUNTED:
            return value

        def counted(*arguments, **keywords):
            self.calls[name] += 1
            return value(*arguments, **keywords)

        return counted


def run(method, problem, x0, *, steps: int, record, until=None) -> "pd.DataFrame":
    """Table of a run: row k is ``record(problem, state)`` after k steps, with column ``k`` (row 0 is the start).

    ``record`` returns a dict; it sees the uncounted problem. ``until(problem, state)`` ends the run early, after its
    row is recorded; at most ``steps`` steps are taken. Raises ValueError if ``steps`` is negative.
    """
    if steps < 0:
        raise ValueError(f"steps must not be negative, got {steps}")
    oracle = Counted(problem)
    state = method.init(oracle, x0)
    rows = []
    for k in range(steps + 1):
        rows.append({"k": k, **record(problem, state), **{f"{name}_calls": n for name, n in oracle.calls.items()}})
        if k == steps or (until is not None and until(problem, state)):
            break
        state = method.step(oracle, state)
    return need("pandas", "a run's table").DataFrame(rows)
