"""The log of a run, ``build/logs/TIME-PRESET-SEED-DEVICE.log``: what was printed and when, and what the processes of
failed notebooks said."""

import contextlib
import logging
import pathlib
import time
from collections.abc import Iterator

KEPT = 50  # the newest logs

logger = logging.getLogger("theorylab.laboratory")
logger.setLevel(logging.INFO)
logger.propagate = False
logger.addHandler(logging.NullHandler())


@contextlib.contextmanager
def written_to(folder: pathlib.Path, name: str) -> Iterator[pathlib.Path]:
    """Write what is logged meanwhile to a new file in ``folder``, and yield its path; older logs go."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime)[: 1 - KEPT]:
        old.unlink(missing_ok=True)
    path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}.log"
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", datefmt="%H:%M:%S"))
    logger.addHandler(handler)
    try:
        yield path
    finally:
        logger.removeHandler(handler)
        handler.close()


def tell(text: str = "") -> None:
    """Print ``text`` and log it."""
    print(text)
    logger.info(text)
