"""How far a batch is: what runs, what is left, and how long that takes by the times of earlier runs."""

import json
import pathlib
import sys
import time
from collections.abc import Iterable, Mapping

from tqdm import tqdm

from theorylab.laboratory import log

# Times of this machine; they never enter notebooks or ledger, which must not differ between two runs.
HERE = pathlib.Path("build", "seconds.json")
# Times of the machine on which the record was made, for a checkout that has not run anything yet.
COMMITTED = pathlib.Path("benchmarks", "seconds.json")


def known_seconds(root: pathlib.Path, preset: str) -> dict[str, float]:
    """Seconds per notebook in earlier runs with this preset, as far as there are any."""
    return {**_read(root / COMMITTED).get(preset, {}), **_read(root / HERE).get(preset, {})}


def remember(root: pathlib.Path, preset: str, seconds: Mapping[str, float], place: pathlib.Path = HERE) -> None:
    """Keep the times of this run, or of a record, for the next one's estimate."""
    table = _read(root / place)
    table.setdefault(preset, {}).update({stem: round(value, 1) for stem, value in seconds.items()})
    (root / place).write_text(json.dumps(table, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _read(path: pathlib.Path) -> dict[str, dict[str, float]]:
    """The file's seconds by preset and notebook; whatever else stands there is no estimate and left out."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    presets = table.items() if isinstance(table, dict) else ()
    return {
        preset: {stem: float(value) for stem, value in row.items() if isinstance(value, int | float)}
        for preset, row in presets
        if isinstance(row, dict)
    }


def duration(seconds: float) -> str:
    """For example ``40 s``, ``7 min``, ``2.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


# Without a terminal a line says now and then that the run is alive.
HEARTBEAT = 60


class Progress:
    """A tqdm bar on standard error, where somebody watches, else a line for each notebook that starts and one a minute;
    ``expected`` are seconds per notebook."""

    def __init__(self, stems: Iterable[str], expected: Mapping[str, float], workers: int):
        self.left, self.expected, self.workers = list(stems), expected, workers
        self.begun: dict[str, float] = {}
        self.last_line = time.monotonic()
        # disable=None: no bar where standard error is not a terminal.
        self.bar = tqdm(
            total=len(self.left), disable=None, bar_format="{n_fmt}/{total_fmt} |{bar:20}| {elapsed}{postfix}"
        )

    def watch(self, running: list[str]) -> None:
        """Show what is running now, and what is left."""
        for stem in running:
            if stem not in self.begun:
                self.begun[stem] = time.monotonic()
                usual = f", usually {duration(self.expected[stem])}" if stem in self.expected else ""
                self.note(f"started {stem}{usual}")
        left = self.seconds_left()
        text = "running " + ", ".join(running) + (f"; about {duration(left)} left" if left is not None else "")
        self.bar.set_postfix_str(text)
        if time.monotonic() - self.last_line > HEARTBEAT:
            self.note(text)

    def note(self, text: str) -> None:
        """Log ``text``, and print it where there is no bar that shows it."""
        self.last_line = time.monotonic()
        log.logger.info(text)
        if self.bar.disable:
            print(text, file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Print ``text``, above the bar where there is one, and log it."""
        log.logger.info(text)
        tqdm.write(text, file=sys.stderr)

    def seconds_left(self) -> float | None:
        """Estimate of what is left; None while nothing is known about it."""
        known = [self.expected[stem] for stem in self.left if stem in self.expected]
        if not known:
            return None
        usual = sum(known) / len(known)
        now = time.monotonic()
        left = [max(0.0, self.expected.get(stem, usual) - (now - self.begun.get(stem, now))) for stem in self.left]
        return max(max(left), sum(left) / self.workers)

    def finished(self, stem: str, line: str) -> None:
        """Print the line of a finished notebook above the bar."""
        self.left.remove(stem)
        self.bar.update()
        self.last_line = time.monotonic()
        log.logger.info(line)
        tqdm.write(line)
        sys.stdout.flush()

    def close(self) -> None:
        self.bar.close()
