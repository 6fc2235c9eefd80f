"""Notebooks as tasks of Dask distributed: on this machine, or on a scheduler that is already there.

The client hands out at most ``workers`` notebooks at a time. A task leaves its worker's thread pool and waits for a
child process; tasks receive and return bytes, so that a worker needs no file system in common with the client.
"""

import asyncio
import contextlib
import logging
import pathlib
import queue
import signal
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import dask
import distributed

from theorylab.experiment.execution import Outcome, execute
from theorylab.experiment.freshness import installation_digest

ATTEMPTS = 3
PATIENCE = 10  # seconds to wait for a scheduler and for its workers


class SchedulerError(ConnectionError):
    """No scheduler, or no worker; the message names the address and the remedy."""


@dataclass(frozen=True)
class Job:
    """A notebook to execute: ``stem``, ``source`` (the document) and ``parameters``."""

    stem: str
    source: bytes
    parameters: dict


def run(
    jobs: Sequence[Job],
    *,
    workers: int,
    address: str | None = None,
    scratch: pathlib.Path,
    watch: Callable[[list[str]], None] = lambda running: None,
) -> Iterator[Outcome]:
    """Execute ``jobs`` in their order, at most ``workers`` at a time, and yield each outcome when it is there.

    ``address`` is a Dask scheduler (default: a local cluster with ``workers`` workers, its files in ``scratch``);
    ``watch`` is called about once a second with the stems that are running. A job whose worker dies is tried again,
    three times in all (on a scheduler of the user's own, as often as that allows). Raises SchedulerError when there is
    no scheduler or no worker within ten seconds.
    """
    with connect(address, min(workers, len(jobs)), scratch) as client:
        # Another version of the library elsewhere would make a record of something that is not in this checkout.
        version = installation_digest() if address else None
        waiting, running, done = deque(jobs), {}, queue.SimpleQueue()
        while waiting or running:
            while waiting and len(running) < workers:
                job = waiting.popleft()
                future = client.submit(task, job, version, key=f"{job.stem}-{uuid.uuid4().hex}", pure=False)
                running[future] = job.stem
                future.add_done_callback(done.put)
            watch(list(running.values()))
            with contextlib.suppress(queue.Empty):
                future = done.get(timeout=1)
                yield result(future, running.pop(future))


@contextlib.contextmanager
def connect(address: str | None, workers: int, scratch: pathlib.Path) -> Iterator[distributed.Client]:
    """A client of the scheduler at ``address``, or of a local cluster that ends with it."""
    settings = {"distributed.scheduler.allowed-failures": ATTEMPTS - 1, "distributed.comm.timeouts.connect": PATIENCE}
    with dask.config.set(settings), contextlib.ExitStack() as stack:
        if address is None:
            scratch.mkdir(parents=True, exist_ok=True)
            with workers_ignore_interrupts():
                cluster = distributed.LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    memory_limit=0,  # notebooks run in processes of their own
                    dashboard_address="127.0.0.1:0",  # any free port: two runs may share a machine
                    local_directory=str(scratch),
                    silence_logs=logging.CRITICAL,
                )
            stack.enter_context(cluster)
            yield stack.enter_context(distributed.Client(cluster, set_as_default=False))
            return
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        try:
            # A client waits for ever when something else listens there, so look who it is first.
            asyncio.run(asyncio.wait_for(identity(address), PATIENCE))
            client = stack.enter_context(distributed.Client(address, timeout=PATIENCE, set_as_default=False))
        except (OSError, TimeoutError, ValueError) as error:
            raise SchedulerError(
                f"no Dask scheduler answers at {address} within {PATIENCE} s ({type(error).__name__}); start one with "
                "`dask scheduler` or leave --scheduler away to use this machine"
            ) from None
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except (TimeoutError, distributed.TimeoutError):
            raise SchedulerError(
                f"the scheduler at {address} has no workers; start some with `dask worker {address}`"
            ) from None
        yield client


async def identity(address: str) -> dict:
    """What the Dask server at ``address`` says about itself."""
    security = distributed.Security().get_connection_args("client")
    async with distributed.rpc(address, connection_args=security) as server:
        return await server.identity()


@contextlib.contextmanager
def workers_ignore_interrupts() -> Iterator[None]:
    """Processes started meanwhile leave Ctrl-C to the client, which ends them; a terminal sends it to all."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def task(job: Job, version: str | None) -> Outcome:
    """What a worker does: leave the thread pool and execute the notebook."""
    if version is not None and installation_digest() != version:
        return Outcome(
            job.stem,
            error=f"was not run: worker {distributed.get_worker().address} has another version of theorylab or of the "
            "claims; bring its checkout to the same commit",
        )
    distributed.secede()
    return execute(job.stem, job.source, job.parameters)


def result(future: distributed.Future, stem: str) -> Outcome:
    """The outcome of a finished task, also when Dask itself gave up on it."""
    try:
        return future.result(timeout=PATIENCE)
    except distributed.KilledWorker as error:
        attempts = error.allowed_failures + 1
        return Outcome(
            stem,
            error=f"was given up after {attempts} attempts, because its worker was killed each time; often memory runs "
            "out: use fewer --workers",
        )
    except Exception as error:  # whatever happened on a worker concerns this notebook alone
        return Outcome(stem, error=f"was lost by the scheduler ({type(error).__name__}: {error}); run it again")
