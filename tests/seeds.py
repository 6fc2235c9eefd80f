"""How steady the verdicts are: run notebooks over seeds and say which verdicts leave what is expected.

``python -m tests.seeds [--preset quick] [--seeds 1-20] [NOTEBOOK ...]``

Prints a line per notebook and seed, then the share of changed verdicts with its upper Clopper-Pearson limit. A change
in a verdict with statistical parts is named with their declared false-alarm rate: once in so many it may happen to
sound code. Exit code 1 when a verdict changed.
"""

import argparse
import json
import sys
from dataclasses import dataclass

from scipy.special import betaincinv

from tests.sections import UNWATCHED, execute, forks, import_once, read, sections
from theorylab.claims import catalogue
from theorylab.laboratory.checkout import claims_path, select
from theorylab.session import home

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Run:
    """One notebook at one preset and seed."""

    stem: str
    preset: str
    seed: int


def verdicts(run: Run) -> tuple[Run, dict[str, dict], list[str]]:
    """The ledger entries and errors of one run."""
    chosen = sections(read(run.stem), UNWATCHED | {"solution"}, preset=run.preset, seed=run.seed)
    found = execute(chosen)
    return run, found.entries, found.errors


def changes(stem: str, entries: dict[str, dict]) -> list[str]:
    """A clause for every verdict of the notebook that is missing or not as expected."""
    clauses = []
    for id, claim in catalogue.read(claims_path(home(), stem)).claims.items():
        entry = entries.get(id)
        if entry is None:
            clauses.append(f"{id} not judged")
        elif entry["outcome"] != claim.expected:
            rate = f" (declared rate {entry['false_alarm']:g})" if "false_alarm" in entry else ""
            clauses.append(f"{id} {entry['outcome']}{rate}: {reason(entry)}")
    return clauses


def reason(entry: dict) -> str:
    """Which part is to blame."""
    failed = [f"{part['name']}: {part['relation']}" for part in entry["parts"] if not part["holds"]]
    return entry.get("why") or "; ".join(failed)


def upper_limit(changed: int, total: int) -> float:
    """One-sided Clopper-Pearson limit of a probability."""
    return 1.0 if changed == total else float(betaincinv(changed + 1, total - changed, CONFIDENCE))


def numbers(text: str) -> list[int]:
    """ "1-20" or "1,5,9" as numbers."""
    found = []
    for piece in text.split(","):
        first, _, last = piece.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help="names or numbers (default: all)")
    parser.add_argument("--preset", default="quick", choices=("quick", "full"))
    parser.add_argument("--seeds", type=numbers, default="1-20", help="for example 1-20 or 1,5,9")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", help="write every change to this file")
    options = parser.parse_args()
    changed, total, rows = 0, 0, []
    for stem in select(home(), options.notebooks):
        import_once(stem)
        count = len(catalogue.read(claims_path(home(), stem)).claims)
        jobs = [Run(stem, options.preset, seed) for seed in options.seeds]
        with forks(options.workers) as pool:
            for run, entries, errors in pool.imap(verdicts, jobs, chunksize=1):
                clauses = changes(stem, entries)
                changed, total = changed + len(clauses), total + count
                rows.append({"notebook": stem, "seed": run.seed, "changes": clauses, "errors": errors})
                text = "; ".join([*clauses, *(f"ERROR {error}" for error in errors)]) or f"{count} as expected"
                print(f"{stem} seed {run.seed}: {text}", flush=True)
    print(
        f"{changed} of {total} verdicts changed, {100 * changed / total:.2f} %; at {100 * CONFIDENCE:.0f} % confidence "
        f"at most {100 * upper_limit(changed, total):.2f} %"
    )
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(rows, file, indent=1)
    return int(changed > 0)


if __name__ == "__main__":
    sys.exit(main())
