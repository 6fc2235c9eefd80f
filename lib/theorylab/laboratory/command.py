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
  ./run_all.sh --lab 05        JupyterLab on working copies under build/lab/
  ./run_all.sh --lab --port 9000 --no-browser -- --ServerApp.token=secret
  ./run_all.sh --new 20_slug   the skeleton of a new notebook
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
    parser.add_argument("--lab", action="store_true", help="open JupyterLab on working copies of the notebooks")
    parser.add_argument("--new", metavar="NN_SLUG", help="write the skeleton of a notebook in all its rooms")
    parser.add_argument("--port", type=count, help="with --lab: the port of the server")
    parser.add_argument("--no-browser", action="store_true", help="with --lab: open no browser")
    parser.add_argument("--allow-root", action="store_true", help="with --lab: as root (which is seen by itself)")
    return parser


def seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"a seed is a whole number from 0 on, got {text!r}")
    return int(text)


def count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"a whole number from 1 on, got {text!r}")
    return int(text)


def main(arguments: list[str] | None = None, root: pathlib.Path | None = None) -> int:
    """Run the command; returns its exit code. ``root`` is the checkout (default: the one this was installed from)."""
    command = parser()
    arguments = sys.argv[1:] if arguments is None else arguments
    split = arguments.index("--") if "--" in arguments else len(arguments)
    options = command.parse_args(arguments[:split])
    jupyter = jupyter_options(options) + arguments[split + 1 :]
    if jupyter and not options.lab:
        command.error(
            "--port, --no-browser, --allow-root and what stands after -- are for Jupyter: use them with --lab"
        )
    # Imported here: --help must answer at once, and before anything is installed.
    from theorylab.experiment.publish import PublishError
    from theorylab.laboratory import checkout
    from theorylab.session import home

    root = (root or home()).resolve()
    try:
        stems = checkout.select(root, options.notebooks)
    except checkout.UnknownNotebook as error:
        command.error(str(error))
    try:
        return carry_out(command, options, root, stems, jupyter)
    except PublishError as error:
        print(f"Nothing was run: {error}.")
        return 1
    except KeyboardInterrupt:
        print("Interrupted before anything was published; committed files are untouched.", file=sys.stderr)
        return 130


def jupyter_options(options: argparse.Namespace) -> list[str]:
    """The options of the command that JupyterLab knows, in its words."""
    port = [f"--ServerApp.port={options.port}"] if options.port else []
    return port + ["--no-browser"] * options.no_browser + ["--allow-root"] * options.allow_root


def carry_out(
    command: argparse.ArgumentParser, options, root: pathlib.Path, stems: list[str], jupyter: list[str]
) -> int:
    """Do what the ``options`` ask for with the notebooks ``stems``; returns the exit code."""
    from theorylab.experiment import publish
    from theorylab.laboratory import batch, lab, listing, new

    if undone := publish.recover(root, batch.record_journal(root)):
        print(undone, file=sys.stderr)
    if options.new:
        print("\n".join(new.create(root, options.new)))
        print(f"Run it with ./run_all.sh {options.new[:2]}; CONTRIBUTING.md says how to go on.")
        return 0
    if options.lab:
        first = stems[0] if options.notebooks else None
        return lab.open_lab(root, stems, jupyter, first)
    if options.list:
        return listing.print_list(root, stems)
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
    if run.device == "cuda" and not run.address:
        require_cuda(command)
    if options.stale:
        stems = [stem for stem in stems if listing.state(root, stem) != listing.FRESH]
        if not stems:
            print("Nothing is stale: the committed notebooks, figures and verdicts are of this source.")
            return 0
    return batch.execute(run, stems)


def require_cuda(command: argparse.ArgumentParser) -> None:
    """End with a usage error when this machine has no CUDA device."""
    import torch

    if not torch.cuda.is_available():
        kind = "is built without CUDA" if torch.version.cuda is None else "finds no CUDA device on this machine"
        command.error(
            f"--device cuda: torch {torch.__version__} {kind}; leave --device away to use the CPU, or name a Dask "
            "scheduler where there is a GPU (--scheduler)"
        )
