"""A sweep runs one trial over a grid and seeds; its result is a table."""

import hashlib
import inspect
import itertools
import os
import pathlib
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tqdm import tqdm

from theorylab.session import in_batch

# pandas is imported where it is used: the runner's processes import this package and need no tables.
if TYPE_CHECKING:
    import pandas as pd


def sweep(
    trial: Callable, *, seeds: Iterable[int] = (0,), resume: str | os.PathLike | None = None, **grid: Iterable
) -> "pd.DataFrame":
    """Table of ``trial(seed=seed, **point)`` over all seeds and all points of the product of ``grid``.

    A trial returns a dictionary (one row), a list of dictionaries or a DataFrame (several rows); the columns of its
    point and its seed stand in front. With ``resume``, a folder, the rows of each finished trial are kept there and
    an interrupted sweep continues where it stopped; a trial whose source or arguments changed runs anew.

    Raises ValueError for an empty grid axis, naming it, and TypeError for a trial that returns something else.
    """
    import pandas as pd

    axes = {"seed": list(seeds), **{name: list(values) for name, values in grid.items()}}
    for name, values in axes.items():
        if not values:
            raise ValueError(f"the sweep has no values for {name!r}: give at least one")
    points = [dict(zip(axes, values)) for values in itertools.product(*axes.values())]
    tables = []
    # Nobody watches a batch run, and a bar printed there would be frozen into the page.
    for point in tqdm(points, desc=getattr(trial, "__name__", "sweep"), disable=in_batch(), file=sys.stderr):
        store = _store(trial, point, resume) if resume is not None else None
        if store is not None and store.exists():
            tables.append(pd.read_pickle(store))
            continue
        rows = _table(trial(**point), point)
        if store is not None:
            store.parent.mkdir(parents=True, exist_ok=True)
            partial = store.with_suffix(".partial")
            rows.to_pickle(partial)
            os.replace(partial, store)
        tables.append(rows)
    return pd.concat(tables, ignore_index=True)


def _table(result, point: dict) -> "pd.DataFrame":
    import pandas as pd

    if isinstance(result, dict):
        result = [result]
    if not isinstance(result, list | pd.DataFrame):
        raise TypeError(f"a trial returns a dict, a list of dicts or a DataFrame, got {type(result).__name__}")
    rows = pd.DataFrame(result)
    shown = {
        name: value if isinstance(value, int | float | str | bool) else str(value) for name, value in point.items()
    }
    columns = {name: value for name, value in shown.items() if name not in rows}
    return pd.concat([pd.DataFrame(columns, index=rows.index), rows], axis=1)


def _store(trial: Callable, point: dict, resume) -> pathlib.Path:
    """File of one trial's rows, named by the trial's source and its arguments."""
    try:
        source = inspect.getsource(trial)
    except (OSError, TypeError):
        raise ValueError("resume= needs a trial whose source can be read: define it with def") from None
    return pathlib.Path(resume) / (
        hashlib.sha256(f"{source}\n{sorted(point.items())!r}".encode()).hexdigest()[:24] + ".pkl"
    )
