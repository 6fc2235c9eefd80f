"""A sweep runs one trial over a grid and seeds; its result is a table. Where the run has a Dask scheduler, the trials
run there."""

import contextlib
import functools
import hashlib
import inspect
import itertools
import os
import pathlib
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from theorylab.experiment.plain import SCHEDULER_VARIABLE
from theorylab.extras import need
from theorylab.session import in_batch

# pandas, tqdm and distributed are imported where they are used: the runner's processes import this package and need
# none of them.
if TYPE_CHECKING:
    import distributed
    import pandas as pd


def sweep(
    trial: Callable,
    *,
    seeds: Iterable[int] = (0,),
    resume: str | os.PathLike | None = None,
    client: "distributed.Client | None" = None,
    **grid: Iterable,
) -> "pd.DataFrame":
    """Table of ``trial(seed=seed, **point)`` over all seeds and all points of the product of ``grid``.

    A trial returns a dictionary (one row), a list of dictionaries or a DataFrame (several rows); the columns of its
    point and its seed stand in front. With ``resume``, a folder, the rows of each finished trial are kept there and
    an interrupted sweep continues where it stopped; a trial whose source or arguments changed runs anew.

    Trials run in this process, one after the other; with a Dask ``client``, or in a run with ``--scheduler``, on its
    workers, in any order. The rows and their order are the same. A trial whose worker dies is run again elsewhere.

    Raises ValueError for an empty grid axis, naming it, TypeError for a trial that returns something else, and
    RuntimeError for a trial whose workers die again and again, or whose worker has another version of this library.
    """
    axes = {"seed": list(seeds), **{name: list(values) for name, values in grid.items()}}
    for name, values in axes.items():
        if not values:
            raise ValueError(f"the sweep has no values for {name!r}: give at least one")
    points = [dict(zip(axes, values)) for values in itertools.product(*axes.values())]
    pd, tqdm = need("pandas", "a sweep's table"), need("tqdm", "a sweep")
    stores = [_store(trial, point, resume) if resume is not None else None for point in points]
    tables = {n: pd.read_pickle(store) for n, store in enumerate(stores) if store is not None and store.exists()}
    left = [n for n in range(len(points)) if n not in tables]
    client = client or _client_of_the_run(os.environ.get(SCHEDULER_VARIABLE))
    results = _here(trial, points, left) if client is None else _there(client, trial, points, left)
    name = getattr(trial, "__name__", "sweep")
    with contextlib.closing(results):
        # Nobody watches a batch run, and a bar printed there would be frozen into the page.
        for n, result in tqdm.tqdm(results, desc=name, total=len(left), disable=in_batch(), file=sys.stderr):
            tables[n] = _table(result, points[n])
            if stores[n] is not None:
                stores[n].parent.mkdir(parents=True, exist_ok=True)
                partial = stores[n].with_suffix(".partial")
                tables[n].to_pickle(partial)
                os.replace(partial, stores[n])
    return pd.concat([tables[n] for n in range(len(points))], ignore_index=True)


def _here(trial: Callable, points: list[dict], left: list[int]) -> Iterator[tuple[int, object]]:
    for n in left:
        yield n, trial(**points[n])


def _there(
    client: "distributed.Client", trial: Callable, points: list[dict], left: list[int]
) -> Iterator[tuple[int, object]]:
    """Results as they come from the workers, with their numbers; what has come is safe from their end."""
    import distributed

    from theorylab.experiment.freshness import installation_digest

    version = installation_digest()
    futures = {client.submit(_remote, trial, points[n], version, pure=False): n for n in left}
    try:
        for future in distributed.as_completed(futures, loop=client.loop):
            n = futures[future]
            try:
                result = future.result()
            except distributed.KilledWorker as error:
                raise RuntimeError(
                    f"the trial {points[n]} was given up after {error.allowed_failures + 1} attempts, because its "
                    "worker was killed each time; often memory runs out"
                ) from None
            yield n, result
            future.release()
    finally:
        client.cancel([future for future in futures if not future.done()])


def _remote(trial: Callable, point: dict, version: str) -> object:
    """One trial on a worker. Raises RuntimeError where the library is another one: rows would not be of this source."""
    from theorylab.experiment.freshness import installation_digest

    if installation_digest() != version:
        raise RuntimeError("a worker has another version of theorylab; bring its checkout to the same commit")
    return trial(**point)


@functools.cache
def _client_of_the_run(address: str | None) -> "distributed.Client | None":
    """A client of the scheduler on which this notebook runs, None where there is none."""
    if not address:
        return None
    import distributed

    return distributed.Client(address, set_as_default=False)


def _table(result, point: dict) -> "pd.DataFrame":
    pd = need("pandas", "a sweep's table")
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
