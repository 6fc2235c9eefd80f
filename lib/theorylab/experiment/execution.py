"""Execute one notebook in a child process: bytes in, bytes out, nothing left behind."""

import contextlib
import errno
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from theorylab.experiment import child
from theorylab.experiment.plain import SCHEDULER_VARIABLE, code_cells, first_line
from theorylab.session import OUTPUT_VARIABLE

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(frozen=True)
class Outcome:
    """What became of one notebook: ``error`` (None when it ran) with its ``remedy``, the ``executed`` notebook as far
    as it came, the ``files`` it wrote into its output folder by relative path, the ``seconds`` it took, and the last
    ``messages`` that its processes printed past the notebook, if it failed."""

    stem: str
    error: str | None = None
    remedy: str = "mend it"
    messages: str = ""
    executed: bytes = b""
    files: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0


def execute(
    stem: str,
    source: bytes,
    parameters: dict,
    *,
    threads: int = 1,
    scheduler: str | None = None,
    wanted: Callable[[], bool] = lambda: True,
) -> Outcome:
    """Run the notebook ``source`` with ``parameters`` in a process group of its own and return what became of it.

    The group is gone when this returns, and ends by itself when this process dies. ``threads`` is the number of math
    threads, ``scheduler`` the Dask scheduler for its sweeps; the notebook is stopped when it is no longer ``wanted``.
    """
    try:
        return _execute(stem, source, parameters, threads, scheduler, wanted)
    except OSError as error:
        if error.errno not in FULL:
            raise
        return Outcome(stem, error=f"could not be started: the disk of {tempfile.gettempdir()} is full; {MORE_SPACE}")


def _execute(
    stem: str, source: bytes, parameters: dict, threads: int, scheduler: str | None, wanted: Callable[[], bool]
) -> Outcome:
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="theorylab-", ignore_cleanup_errors=True) as name:
        folder = pathlib.Path(name)
        for part in ("output", "work", "ipython", "temporary"):
            (folder / part).mkdir()
        (folder / "matplotlibrc").touch()
        (folder / child.SOURCE).write_bytes(source)
        (folder / child.REQUEST).write_text(json.dumps({"parameters": parameters}), encoding="utf-8")
        with open(folder / "messages", "wb") as messages:
            process = subprocess.Popen(
                [sys.executable, "-m", "theorylab.experiment.child", name],
                stdin=subprocess.PIPE,
                stdout=messages,
                stderr=messages,
                cwd=folder / "work",
                env=surroundings(folder, threads, scheduler),
                start_new_session=True,
            )
            code = None
            try:
                while code is None and wanted():
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        code = process.wait(timeout=1)
            finally:
                end(process, folder)
        error = failure(folder, code) if code is not None else "was stopped: nobody waits for it any more"
        full = error is not None and is_full(folder, error)
        if full:
            error += f" (the disk is full: {free_megabytes(folder)} MB are free in {folder.parent})"
        executed = folder / child.EXECUTED
        return Outcome(
            stem,
            error=error,
            remedy=MORE_SPACE if full else "mend it",
            messages=last_messages(folder) if error else "",
            executed=executed.read_bytes() if executed.exists() else b"",
            files=collect(folder / "output"),
            seconds=time.monotonic() - start,
        )


FULL = (errno.ENOSPC, errno.EDQUOT)
MORE_SPACE = "free some space there, or set TMPDIR to a folder that has more"
# A process that cannot write its last words dies without any; it needed more than it found.
NEARLY_FULL = 16  # MB


def free_megabytes(folder: pathlib.Path) -> int:
    """What is free on the disk of ``folder``."""
    return shutil.disk_usage(folder).free // 10**6


def is_full(folder: pathlib.Path, error: str) -> bool:
    """Whether the notebook ended for lack of disk space, by its own words or because there is none left."""
    words = [os.strerror(number) for number in FULL]
    return any(word in error for word in words) or free_megabytes(folder) < NEARLY_FULL


def last_messages(folder: pathlib.Path, characters: int = 4000) -> str:
    """The end of what the child and its kernel printed."""
    with contextlib.suppress(OSError):
        return (folder / "messages").read_text(encoding="utf-8", errors="replace")[-characters:].strip()
    return ""


# MPLBACKEND would change the outputs. Dask sets the other one for its workers, to give memory back at once: numerical
# code pays for that with fresh pages for every temporary array, a fifth of its time.
NOT_INHERITED = ("MPLBACKEND", "MALLOC_TRIM_THRESHOLD_", SCHEDULER_VARIABLE)


def surroundings(folder: pathlib.Path, threads: int, scheduler: str | None = None) -> dict[str, str]:
    """The child's environment variables: one output folder, few threads, and nothing of the user's own settings that
    could change an output."""
    return {
        **{name: value for name, value in os.environ.items() if name not in NOT_INHERITED},
        **{name: str(threads) for name in THREAD_VARIABLES},
        OUTPUT_VARIABLE: str(folder / "output"),
        "IPYTHONDIR": str(folder / "ipython"),
        "MATPLOTLIBRC": str(folder / "matplotlibrc"),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONHASHSEED": "0",
        "TMPDIR": str(folder / "temporary"),
        "TQDM_DISABLE": "1",
        **({SCHEDULER_VARIABLE: scheduler} if scheduler else {}),
    }


def end(process: subprocess.Popen, folder: pathlib.Path) -> None:
    """End the child, its process group and its kernel, whatever is left of them."""
    child.end_kernel(folder)
    with contextlib.suppress(OSError):  # nobody may be left in the group
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdin.close()


def failure(folder: pathlib.Path, code: int) -> str | None:
    """Why the notebook did not run to its end, in a clause; None when it did.

    The exit code comes first: after a killed kernel papermill's metadata calls every cell completed. But exit code 0
    is not enough: papermill counts ``sys.exit(0)`` as success, so every cell must have run.
    """
    try:
        executed, source = (json.loads((folder / name).read_bytes()) for name in (child.EXECUTED, child.SOURCE))
    except (OSError, ValueError):
        return "could not be started: " + explanation(folder, code)
    position = {cell["id"]: number for number, cell in enumerate(code_cells(source), start=1)}
    cells = [cell for cell in code_cells(executed) if cell["id"] in position]
    for cell in cells:
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                place = f"in code cell {position[cell['id']]} ({cell['id']})"
                if output["ename"] == "SystemExit":
                    return f"calls sys.exit {place}; the cells after it did not run"
                return f"raises {output['ename']} {place}: {first_line(output['evalue'])}"
    begun = (folder / child.BEGUN).read_text(encoding="utf-8") if (folder / child.BEGUN).exists() else None
    place = f"in code cell {position[begun]} ({begun})" if begun else "before its first cell"
    if code != 0:
        cause = explanation(folder, code)
        if "DeadKernelError" in cause:
            return f"lost its kernel {place}: it was killed, often for lack of memory, or crashed"
        return f"stopped {place}: {cause}"
    idle = sum(cell["execution_count"] is None for cell in cells)
    if idle:
        return f"stopped {place} without an error, and {idle} cells did not run"
    return None


def explanation(folder: pathlib.Path, code: int) -> str:
    """Why the child ended: the signal that killed it, else its report, else the last line it printed."""
    if code < 0:
        return f"its process was ended by signal {signal.Signals(-code).name}, often for lack of memory"
    for name in (child.REPORT, "messages"):
        try:
            lines = (folder / name).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        except OSError:
            continue
        if lines:
            return first_line(lines[0] if name == child.REPORT else lines[-1])
    return f"its process ended with exit code {code}"


def collect(output: pathlib.Path) -> dict[str, bytes]:
    """All files of the output folder by relative path."""
    return {
        path.relative_to(output).as_posix(): path.read_bytes() for path in sorted(output.rglob("*")) if path.is_file()
    }
