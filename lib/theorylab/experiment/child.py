"""The child process that executes one notebook with papermill, and ends with its parent.

``python -m theorylab.experiment.child FOLDER``; the folder is prepared, and the result read, by
:mod:`theorylab.experiment.execution`. The parent holds the other end of standard input and never writes: end of file
means that it is gone, however it died, and then the kernel must not live on.
"""

import contextlib
import json
import os
import pathlib
import queue
import shutil
import signal
import sys
import threading

from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets import Type

# Files of the working folder.
SOURCE, EXECUTED = "source.ipynb", "executed.ipynb"
REQUEST, REPORT, KERNEL_GROUP, BEGUN = "request.json", "error", "kernel.pid", "cell"


class WakefulChannel(AsyncZMQSocketChannel):
    """Looks for messages once a second while it waits.

    nbclient answers widgets on the socket on which it waits for the kernel's replies; now and then such a send
    swallows the wake-up for a reply that is already there, and then client and kernel wait for each other for ever.
    """

    async def get_msg(self, timeout: float | None = None) -> dict:
        while timeout is None:
            with contextlib.suppress(queue.Empty):
                return await super().get_msg(timeout=1)
        return await super().get_msg(timeout=timeout)


class WakefulClient(AsyncKernelClient):
    """A client of a kernel whose channels do not sleep for ever."""

    shell_channel_class = Type(WakefulChannel)
    iopub_channel_class = Type(WakefulChannel)


class ThisInterpreter(AsyncKernelManager):
    """Starts kernels of this very interpreter, whatever kernels the user has registered, and notes their process
    group in the working folder (Jupyter gives each kernel a group of its own)."""

    folder: pathlib.Path
    client_factory = Type(WakefulClient)

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")

    async def start_kernel(self, **kwargs) -> None:
        await super().start_kernel(**kwargs)
        pathlib.Path(self.folder, KERNEL_GROUP).write_text(str(self.provisioner.pid))


def main(folder: pathlib.Path) -> int:
    ThisInterpreter.folder = folder
    threading.Thread(target=end_with_parent, args=(folder,), daemon=True).start()
    request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    from theorylab.experiment import lean_nbformat  # noqa: F401, I001  before papermill imports nbformat
    import papermill
    from papermill.engines import papermill_engines
    from papermill.exceptions import PapermillExecutionError

    from theorylab.experiment import engine

    def begin(cell, cell_index):
        # The saved notebook may be a cell behind.
        if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", ()):
            (folder / BEGUN).write_text(cell.id, encoding="utf-8")

    papermill_engines.register(engine.NAME, engine.SparingEngine)
    try:
        papermill.execute_notebook(
            folder / SOURCE,
            folder / EXECUTED,
            parameters=request["parameters"],
            engine_name=engine.NAME,
            kernel_name="python3",
            language="python",
            cwd=folder / "work",
            progress_bar=False,
            kernel_manager_class=ThisInterpreter,
            coalesce_streams=True,
            # All outputs are there by then; a polite end sometimes takes three seconds.
            shutdown_kernel="immediate",
            on_cell_start=begin,
        )
    except PapermillExecutionError:
        return 1  # the saved notebook tells which cell and why
    except Exception as error:
        (folder / REPORT).write_text(f"{type(error).__name__}: {error}", encoding="utf-8")
        return 1
    return 0


def end_with_parent(folder: pathlib.Path) -> None:
    """Wait for the parent's end, then end the kernel, the working folder and this process group."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    end_kernel(folder)
    shutil.rmtree(folder, ignore_errors=True)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def end_kernel(folder: pathlib.Path) -> None:
    """End the kernel's process group, if there is still one."""
    with contextlib.suppress(OSError, ValueError):
        os.killpg(int((folder / KERNEL_GROUP).read_text()), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
