"""``python -m theorylab.laboratory``: the command, so wrapped that no user meets a traceback for want of luck."""

import signal
import sys

if __name__ == "__main__":
    # Until the command can answer, Ctrl-C ends the process without a word; it has done nothing yet.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

BROKEN_PIPE = 141  # 128 + SIGPIPE, as of a program that the signal ends


def run() -> int:
    """The command's exit code; Ctrl-C and a closed pipe (``| head``) end it quietly."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # titles hold letters that a terminal may not have
    from theorylab.laboratory.command import main

    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = main()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        return BROKEN_PIPE
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    finally:
        # What is left is tidying up, which a further Ctrl-C must not break.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def finish(code: int) -> int:
    """Leave a closed pipe alone: the interpreter would flush it once more."""
    if code == BROKEN_PIPE:
        sys.stdout = None
    return code


if __name__ == "__main__":
    sys.exit(finish(run()))
