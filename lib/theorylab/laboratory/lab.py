"""JupyterLab in this environment, with a Python 3 kernel that is this interpreter."""

import json
import os
import pathlib
import sys


def open_lab(root: pathlib.Path) -> int:
    """Replace this process by JupyterLab, opened on the checkout."""
    kernels = root / "build" / "jupyter"
    register(kernels)
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(kernels), os.environ.get("JUPYTER_PATH")]))
    os.chdir(root)
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}"])


def register(folder: pathlib.Path) -> None:
    """Write a kernel named ``python3`` into ``folder``; on JUPYTER_PATH it comes before those of the user."""
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3 (theorylab)",
        "language": "python",
        "metadata": {"debugger": True},
    }
    target = folder / "kernels" / "python3"
    target.mkdir(parents=True, exist_ok=True)
    (target / "kernel.json").write_text(json.dumps(spec, indent=1) + "\n", encoding="utf-8")
