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
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import dask
import distributed

from theorylab.experiment.execution import Outcome, execute
from theorylab.experiment.freshness import installation_digest
from theorylab.session import resolve_device

ATTEMPTS = 3
PATIENCE = 10  # seconds to wait for a scheduler and for its workers


class SchedulerError(ConnectionError):
    """No scheduler, no worker, or none any more; the message is a sentence with the address and the remedy."""


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
    say: Callable[[str], None] = lambda text: None,
) -> Iterator[Outcome]:
    """Execute ``jobs`` in their order, at most ``workers`` at a time, and yield each outcome when it is there.

    ``address`` is a Dask scheduler (default: a local cluster with ``workers`` workers, its files in ``scratch``);
    ``watch`` is called about once a second with the stems that are running. A job whose worker dies is tried again,
    three times in all (on a scheduler of the user's own, as often as that allows), which it ``say``s. Raises
    SchedulerError when there is no scheduler or no worker within ten seconds, or when the scheduler ends.
    """
    with connect(address, min(workers, len(jobs)), scratch) as client:
        # Another version of the library elsewhere would make a record of something that is not in this checkout.
        version = installation_digest() if address else None
        waiting, running, done = deque(jobs), {}, queue.SimpleQueue()
        # Dask tries again in silence, so every attempt reports itself.
        topic, begun, attempts = f"theorylab-{uuid.uuid4().hex}", queue.SimpleQueue(), Counter()
        client.subscribe_topic(topic, lambda event: begun.put(event[1]))
        while waiting or running:
            while waiting and len(running) < workers:
                job = waiting.popleft()
                future = client.submit(task, job, version, topic, key=f"{job.stem}-{uuid.uuid4().hex}", pure=False)
                running[future] = job.stem
                future.add_done_callback(done.put)
            watch(list(running.values()))
            while not begun.empty():
                attempt = begun.get()
                attempts[attempt["stem"]] += 1
                if attempts[attempt["stem"]] > 1:
                    say(
                        f"{attempt['stem']}: its worker was lost, perhaps killed for lack of memory; "
                        f"attempt {attempts[attempt['stem']]} begins at {attempt['worker']}"
                    )
            with contextlib.suppress(queue.Empty):
                future = done.get(timeout=1)
                if address and future.cancelled() and client.status != "running":
                    raise SchedulerError(
                        f"The scheduler at {address} was lost while notebooks ran, and their kernels were ended; start "
                        "it again and repeat the command for the notebooks that are missing"
                    )
                yield result(future, running.pop(future))


@contextlib.contextmanager
def connect(address: str | None, workers: int, scratch: pathlib.Path) -> Iterator[distributed.Client]:
    """A client of the scheduler at ``address``, or of a local cluster that ends with it."""
    settings = {"distributed.scheduler.allowed-failures": ATTEMPTS - 1, "distributed.comm.timeouts.connect": PATIENCE}
    with dask.config.set(settings), contextlib.ExitStack() as stack:
        if address is None:
            scratch.mkdir(parents=True, exist_ok=True)
            try:
                with workers_ignore_interrupts():
                    cluster = distributed.LocalCluster(
                        n_workers=workers,
                        threads_per_worker=1,
                        memory_limit=0,  # notebooks run in processes of their own
                        dashboard_address="127.0.0.1:0",  # any free port: two runs may share a machine
                        local_directory=str(scratch),
                        silence_logs=logging.CRITICAL,
                    )
            except (RuntimeError, TimeoutError) as error:
                raise SchedulerError(
                    f"No notebook ran: the workers of this machine did not start ({error}); often it is busy or out of "
                    "memory: use fewer --workers, or try again"
                ) from None
            stack.enter_context(cluster)
            yield stack.enter_context(distributed.Client(cluster, set_as_default=False))
            return
        for name in ("distributed", "tornado", "asyncio"):  # a lost scheduler is told in one sentence
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            # A client waits for ever when something else listens there, so look who it is first.
            asyncio.run(asyncio.wait_for(identity(address), PATIENCE))
            client = stack.enter_context(distributed.Client(address, timeout=PATIENCE, set_as_default=False))
        except Exception as error:  # what somebody else who listens there answers may mean anything
            raise SchedulerError(
                f"No notebook ran: no Dask scheduler answers at {address} within {PATIENCE} s "
                f"({type(error).__name__}); start one with `dask scheduler`, or leave --scheduler away"
            ) from None
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except (TimeoutError, distributed.TimeoutError):
            raise SchedulerError(
                f"No notebook ran: the scheduler at {address} has no workers; start some with `dask worker {address}`"
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


def task(job: Job, version: str | None, topic: str) -> Outcome:
    """What a worker does: leave the thread pool and execute the notebook, as long as it has a scheduler.

    On a scheduler of the user's own (``version`` is given) the notebook's sweeps go there too.
    """
    worker = distributed.get_worker()
    if version is not None and installation_digest() != version:
        return Outcome(
            job.stem,
            error=f"was not run: worker {worker.address} has another version of theorylab or of the claims; bring its "
            "checkout to the same commit",
        )
    if version is not None and job.parameters["device"] == "cuda":
        try:
            resolve_device("cuda")
        except RuntimeError:
            return Outcome(
                job.stem,
                error=f"was not run: worker {worker.address} has no CUDA device; start workers where there is one, or "
                "leave --device away",
            )
    worker.log_event(topic, {"stem": job.stem})
    distributed.secede()
    return execute(
        job.stem,
        job.source,
        job.parameters,
        scheduler=worker.scheduler.address if version is not None else None,
        wanted=lambda: worker.status in (distributed.Status.running, distributed.Status.paused),
    )


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
