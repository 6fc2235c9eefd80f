"""Today's planted bugs: a few of each table, all of them in turn, where ``THEORYLAB_PLANTED`` is "sample".

``./run_tests.sh`` sets it; ``./run_tests.sh --all`` and pytest on its own plant all bugs.
"""

import datetime
import os

EACH_DAY = 3


def rotated(count: int, day: int) -> list[int]:
    """About three of the numbers 0 to count - 1; every one of them comes up once in a round of days."""
    round_ = max(1, count // EACH_DAY)
    return [number for number in range(count) if (number + day) % round_ == 0]


def today() -> dict[str, list[int]] | None:
    """The numbers of today's bugs by notebook, None for all."""
    if os.environ.get("THEORYLAB_PLANTED") != "sample":
        return None
    from tests.planted.run import tables

    day = datetime.date.today().toordinal()
    return {stem: rotated(len(bugs), day) for stem, bugs in tables().items()}
