"""JupyterLab in this environment, on working copies: whatever is run or saved there, nothing committed changes."""

import hashlib
import json
import os
import pathlib
import shutil
import sys
from collections.abc import Iterable, Sequence

from theorylab.laboratory.checkout import make_folder, notebook_path

COPIES = pathlib.Path("build", "lab")
# Hidden, so that Jupyter does not show it: the source of each copy when it was made.
ORIGINS = ".origins.json"


def open_lab(root: pathlib.Path, stems: Sequence[str], options: Iterable[str] = (), first: str | None = None) -> None:
    """Replace this process by JupyterLab in the folder of the working copies, with its ``options``; it opens the
    notebook ``first``. Raises PublishError when the folders cannot be written."""
    kernels = make_folder(root / "build" / "jupyter")
    register(kernels)
    for sentence in copy(root, stems):
        print(sentence)
    print(
        f"These are working copies in {COPIES}/. To bring an edit back, copy its file to notebooks/ and run "
        "./run_all.sh --full with its number: cells are taken, outputs are made anew."
    )
    sys.stdout.flush()
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, [str(kernels), os.environ.get("JUPYTER_PATH")]))
    os.chdir(root / COPIES)
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root / COPIES}", *options]
    if os.geteuid() == 0 and "--allow-root" not in command:
        command.append("--allow-root")  # as root, the batch runs notebooks too
    if first:
        command.append(str(root / COPIES / f"{first}.ipynb"))
    os.execv(sys.executable, command)


def copy(root: pathlib.Path, stems: Iterable[str]) -> list[str]:
    """Bring the working copies up to date: one whose cells nobody edited follows notebooks/, an edited one is kept.
    Returns a sentence for each that is kept."""
    folder = make_folder(root / COPIES)
    origins = read_origins(folder)
    sentences = []
    for stem in stems:
        original, working = notebook_path(root, stem), folder / f"{stem}.ipynb"
        now, then = source_digest(original), origins.get(stem)
        if working.exists() and source_digest(working) not in {now, then} - {None}:
            newer = f"; notebooks/{stem}.ipynb has changed since" if then not in (None, now) else ""
            sentences.append(
                f"{COPIES / working.name} has edits of yours and is kept{newer}; remove it for a new copy."
            )
            continue
        if not working.exists() or then != now:
            shutil.copyfile(original, working)
        origins[stem] = now
    (folder / ORIGINS).write_text(json.dumps(origins, indent=1) + "\n", encoding="utf-8")
    return sentences


def read_origins(folder: pathlib.Path) -> dict[str, str]:
    try:
        origins = json.loads((folder / ORIGINS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return origins if isinstance(origins, dict) else {}


def source_digest(path: pathlib.Path) -> str | None:
    """Hash of the kinds and texts of a notebook's cells, None for a file that is no notebook: outputs and what Jupyter
    notes while it saves are no edits."""
    try:
        cells = json.loads(path.read_bytes())["cells"]
        text = json.dumps([(cell["cell_type"], "".join(cell["source"])) for cell in cells])
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return hashlib.sha256(text.encode()).hexdigest()


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
