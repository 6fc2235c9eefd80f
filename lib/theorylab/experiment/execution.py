"""Execute one notebook in a child process: bytes in, bytes out, nothing left behind."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field

from theorylab.experiment import child
from theorylab.experiment.plain import code_cells, first_line
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
    """What became of one notebook: ``error`` (None when it ran), the ``executed`` notebook as far as it came, the
    ``files`` it wrote into its output folder by relative path, and the ``seconds`` it took."""

    stem: str
    error: str | None = None
    executed: bytes = b""
    files: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0


def execute(stem: str, source: bytes, parameters: dict, *, threads: int = 1) -> Outcome:
    """Run the notebook ``source`` with ``parameters`` in a process group of its own and return what became of it.

    The group is gone when this returns, and ends by itself when this process dies. ``threads`` is the number of math
    threads.
    """
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
                env=surroundings(folder, threads),
                start_new_session=True,
            )
            try:
                code = process.wait()
            finally:
                end(process, folder)
        executed = folder / child.EXECUTED
        return Outcome(
            stem,
            error=failure(folder, code),
            executed=executed.read_bytes() if executed.exists() else b"",
            files=collect(folder / "output"),
            seconds=time.monotonic() - start,
        )


# MPLBACKEND would change the outputs. Dask sets the other one for its workers, to give memory back at once: numerical
# code pays for that with fresh pages for every temporary array, a fifth of its time.
NOT_INHERITED = ("MPLBACKEND", "MALLOC_TRIM_THRESHOLD_")


def surroundings(folder: pathlib.Path, threads: int) -> dict[str, str]:
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
