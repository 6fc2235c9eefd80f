"""The papermill engine of this project: papermill's own, but that it saves less often."""

import math
import time
from collections.abc import Callable

from papermill.engines import NBClientEngine

NAME = "sparing"
# Saving may take this share of the time.
SHARE = 0.05


class SparingEngine(NBClientEngine):
    """Runs a notebook as papermill does.

    Papermill writes the whole notebook before and after every cell, the text cells too, while the kernel waits: a tenth
    of the time of a notebook with a hundred cells and a dozen pictures. Here that takes at most a twentieth; the end is
    always saved.
    """

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, **kwargs) -> None:
        nb_man.save = sparing(nb_man.save)
        try:
            super().execute_managed_notebook(nb_man, kernel_name, **kwargs)
        finally:
            del nb_man.save  # papermill saves once more after this


def sparing(save: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> Callable[[], None]:
    """``save``, which does nothing when that would take more than its share of the time by ``clock``."""
    due = -math.inf

    def perhaps() -> None:
        nonlocal due
        start = clock()
        if start >= due:
            save()
            end = clock()
            due = end + (end - start) * (1 - SHARE) / SHARE

    return perhaps
