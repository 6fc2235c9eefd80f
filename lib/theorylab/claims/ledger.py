"""The ledger on disk: one JSON file per claim, ``ledger/NN_slug/<ID>.json``, a contract that other programs read.

The format is described by ``ledger/schema.json`` (version 2): additions keep the version, ids are never reused.
"""

import json
import math
import os
import pathlib
from collections.abc import Mapping

import numpy as np

from theorylab.claims.verdict import Part, Verdict
from theorylab.session import Session, output_folder

SCHEMA = 2
DIGITS = 6


class LedgerError(ValueError):
    """A ledger file cannot be read; the message names it and the remedy."""


def record(verdict: Verdict, session: Session) -> pathlib.Path:
    """Write the verdict to ``ledger/NN_slug/<ID>.json`` in the output folder, atomically; returns the path."""
    folder = output_folder() / "ledger" / session.notebook
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{verdict.id}.json"
    partial = path.with_suffix(".partial")
    partial.write_text(dumps(entry(verdict, session)), encoding="utf-8")
    os.replace(partial, path)
    return path


def entry(verdict: Verdict, session: Session) -> dict:
    """The verdict as a JSON-ready dictionary: numbers rounded to six significant digits, non-finite ones null with
    their reason under ``reason``."""
    reasons: dict[str, str] = {}
    if verdict.share is None:
        reasons["share"] = "a part failed without a measurable allowance"
    row = {
        "schema": SCHEMA,
        "id": verdict.id,
        "notebook": session.notebook,
        "outcome": verdict.outcome,
        "expected": verdict.expected,
        "kind": verdict.kind,
        "share": plain(verdict.share, "share", reasons),
        "numbers": _numbers(verdict.numbers, "numbers", reasons),
        "parts": [_part(part, f"parts.{position}", reasons) for position, part in enumerate(verdict.parts)],
        "preset": session.preset,
        "seed": session.seed,
        "device": session.device,
        "note": verdict.note,
    }
    if verdict.why is not None:
        row["why"] = verdict.why
    if verdict.false_alarm is not None:
        row["false_alarm"] = plain(verdict.false_alarm, "false_alarm", reasons)
    if reasons:
        row["reason"] = reasons
    return row


def _part(part: Part, where: str, reasons: dict[str, str]) -> dict:
    check = part.check
    if check.share is None:
        reasons[f"{where}.share"] = "not measurable"
    row = {
        "name": part.name,
        "guard": part.guard,
        "holds": check.holds,
        "share": plain(check.share, f"{where}.share", reasons),
        "relation": check.relation,
        "numbers": _numbers(part.numbers, f"{where}.numbers", reasons),
        "controls": [
            {
                "name": control.name,
                "expect": control.expect,
                "holds": control.check.holds,
                "relation": control.check.relation,
                "numbers": _numbers(
                    {"share": control.check.share, **control.numbers}, f"{where}.controls.{position}", reasons
                ),
            }
            for position, control in enumerate(part.controls)
        ],
    }
    if check.false_alarm is not None:
        row["false_alarm"] = plain(check.false_alarm, f"{where}.false_alarm", reasons)
    return row


def _numbers(numbers: Mapping, where: str, reasons: dict[str, str]) -> dict:
    return {name: plain(value, f"{where}.{name}", reasons) for name, value in numbers.items()}


def plain(value, where: str, reasons: dict[str, str]):
    """``value`` in JSON types, floats to six significant digits; a non-finite float becomes None and ``reasons`` says
    why. Raises TypeError for what a ledger cannot hold."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
        if not isinstance(value, list):
            return plain(value, where, reasons)
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return float(f"{value:.{DIGITS}g}")
        reasons[where] = "not a number" if math.isnan(value) else "infinite"
        return None
    if isinstance(value, dict):
        return {str(key): plain(item, f"{where}.{key}", reasons) for key, item in value.items()}
    if isinstance(value, list | tuple | range):
        return [plain(item, f"{where}.{position}", reasons) for position, item in enumerate(value)]
    raise TypeError(
        f"the number {where!r} has type {type(value).__name__}; a ledger holds numbers, text, lists and dictionaries"
    )


def dumps(row: dict) -> str:
    """The one textual form of a ledger entry (two runs give the same bytes)."""
    return json.dumps(row, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def read(folder: pathlib.Path) -> dict[str, dict]:
    """All entries of a ledger, or of one notebook's part of it, by id; an absent folder is an empty ledger.

    Raises LedgerError naming the first file that cannot be read.
    """
    return {row["id"]: row for row in map(read_entry, sorted(folder.rglob("*.json"))) if row is not None}


def read_entry(path: pathlib.Path) -> dict | None:
    """One entry, or None for the schema file that lies beside them."""
    if path.name == "schema.json":
        return None
    name = f"ledger/{path.parent.name}/{path.name}"
    remedy = "restore it from version control, or delete it and run its notebook with ./run_all.sh --full"
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LedgerError(f"{name} cannot be read ({error}); {remedy}") from None
    if not isinstance(row, dict) or row.get("id") != path.stem or "outcome" not in row:
        raise LedgerError(f"{name} is not the ledger entry of {path.stem}; {remedy}")
    if row.get("schema") == 1:
        raise LedgerError(
            f"{name} has schema 1, a single check per claim; this library reads schema {SCHEMA}, named parts with "
            "controls of their own: run its notebook with ./run_all.sh --full"
        )
    if row.get("schema") != SCHEMA:
        raise LedgerError(f"{name} has schema {row.get('schema')!r}, this library reads {SCHEMA}; {remedy}")
    return row
