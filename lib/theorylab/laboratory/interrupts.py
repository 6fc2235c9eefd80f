"""Ctrl-C and polite requests to end: kernels end, and nothing is left half-written."""

import contextlib
import signal
from collections.abc import Callable, Iterator

# Ctrl-C, a polite request to end, a closed terminal.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def handled(handler: Callable) -> Iterator[None]:
    """``handler`` takes the signals meanwhile, except one that is ignored: `nohup` ignores the closed terminal."""
    taken = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in taken}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


@contextlib.contextmanager
def ends_by_interrupt() -> Iterator[list[int]]:
    """Treat every request to end like Ctrl-C.

    Yields the signals received so far: an interrupt that comes while the interpreter collects garbage is printed and
    forgotten, so it has to be asked for again.
    """
    asked: list[int] = []

    def interrupt(number, frame):
        asked.append(number)
        raise KeyboardInterrupt

    with handled(interrupt):
        yield asked


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Put off every request to end for the moment in which files are swapped; KeyboardInterrupt comes after it."""
    caught: list[int] = []
    with handled(lambda number, frame: caught.append(number)):
        yield
    if caught:
        raise KeyboardInterrupt
