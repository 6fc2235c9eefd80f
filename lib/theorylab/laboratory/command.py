"""The command line of ``./run_all.sh``."""

import argparse
import os
import pathlib
import sys

from theorylab.session import DEVICES, PRESETS

EPILOG = """\
examples:
  ./run_all.sh                 rehearse every notebook with small sizes; results under build/
  ./run_all.sh 01 05           rehearse two of them (by number or name)
  ./run_all.sh --full          regenerate notebooks/, figures/, ledger/ and the README's table
  ./run_all.sh --full --stale  only those whose code, library or claims changed
  ./run_all.sh --list          notebooks, claims, last verdicts, what is stale
  ./run_all.sh --scheduler tcp://host:8786 --preset paper --device cuda

exit codes: 0 good; 1 a notebook failed; 2 wrong usage; 3 a verdict is vacuous, missing or not as
expected; 130 interrupted. Only --full with seed 0 on the CPU changes what is committed.
"""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run_all.sh",
        description="Execute the notebooks of this laboratory and print the verdicts on their claims.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="names or numbers (default: all)")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--quick", dest="preset", action="store_const", const="quick", help="small sizes (default)")
    sizes.add_argument("--full", dest="preset", action="store_const", const="full", help="the sizes of the record")
    sizes.add_argument("--preset", choices=PRESETS, help="the same by name; paper is for a GPU or a cluster")
    parser.add_argument("--stale", action="store_true", help="with --full: only notebooks whose outputs are stale")
    parser.add_argument("--device", choices=DEVICES, help="default: cpu for the preset full, else auto")
    parser.add_argument("--seed", type=seed, default=0, help="of all random streams (default: 0)")
    parser.add_argument("--workers", type=count, help="notebooks at a time (default: one per core)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="use this Dask scheduler instead of this machine")
    parser.add_argument("--list", action="store_true", help="show notebooks, claims, last verdicts, staleness")
    parser.add_argument("--lab", action="store_true", help="open JupyterLab in the environment that was set up")
    return parser


def seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a seed is a whole number from 0 on, got {text!r}")
    return int(text)


def count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"a number of notebooks from 1 on, got {text!r}")
    return int(text)


def main(arguments: list[str] | None = None, root: pathlib.Path | None = None) -> int:
    """Run the command; returns its exit code. ``root`` is the checkout (default: the one this was installed from)."""
    command = parser()
    options = command.parse_args(arguments)
    # Imported here: --help must answer at once, and before anything is installed.
    from theorylab.laboratory import batch, checkout, lab, listing
    from theorylab.session import home

    root = (root or home()).resolve()
    preset = options.preset or "quick"
    run = batch.Run(
        root=root,
        preset=preset,
        seed=options.seed,
        device=options.device or ("cpu" if preset == "full" else "auto"),
        workers=options.workers or os.cpu_count() or 1,
        address=options.scheduler,
    )
    if options.stale and not run.publishes:
        command.error("--stale compares with the committed outputs: use it as --full --stale")
    try:
        stems = checkout.select(root, options.notebooks)
    except checkout.UnknownNotebook as error:
        command.error(str(error))
    if options.lab:
        return lab.open_lab(root)
    if options.list:
        return listing.print_list(root, stems)
    if options.stale:
        stems = [stem for stem in stems if listing.state(root, stem) != listing.FRESH]
        if not stems:
            print("Nothing is stale: the committed notebooks, figures and verdicts are of this source.")
            return 0
    try:
        return batch.execute(run, stems)
    except KeyboardInterrupt:
        print("Interrupted before anything was published; committed files are untouched.", file=sys.stderr)
        return 130
