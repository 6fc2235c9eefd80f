"""The claims as written down in ``claims/NN_slug.toml``, before anything is run."""

import functools
import pathlib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass

from theorylab import session
from theorylab.claims import ledger
from theorylab.claims.checks import Check
from theorylab.claims.verdict import Control, Verdict, outcome

PRINTED = ("true", "false", "incomplete", "ambiguous", "not printed")
KINDS = ("exact", "deterministic", "statistical", "observational")
EXPECTED = ("supported", "contradicted", "inconclusive")
REQUIRED = ("id", "title", "statement", "where", "printed", "kind", "expected")
OPTIONAL = ("remark", "headline", "corrects", "note")


class CatalogueError(ValueError):
    """A claims file is missing, unreadable or malformed; the message names the file, the entry and the remedy."""


@dataclass(frozen=True)
class Claim:
    """One claim: its ``statement`` (LaTeX in Markdown), ``where`` it stands in the source, how it is ``printed`` there
    (with a ``remark``), the ``kind`` of evidence, the outcome ``expected`` before the first run."""

    id: str
    title: str
    statement: str
    where: str
    printed: str
    kind: str
    expected: str
    notebook: str
    remark: str = ""
    headline: bool = False
    corrects: str | None = None
    note: str | None = None

    def judge(
        self, evidence: Check, *, controls: Sequence[Control], numbers: dict | None = None, note: str | None = None
    ) -> Verdict:
        """Judge the claim and record the verdict in the output folder of the open session.

        ``evidence`` is the check of the statement, ``controls`` are made with ``must_fail`` and ``must_hold``,
        ``numbers`` are the measured values to keep (scalars, lists, dictionaries). Returns the verdict.
        Raises TypeError when the evidence is not a Check, RuntimeError when no session is open.
        """
        if not isinstance(evidence, Check):
            raise TypeError(
                f"evidence for {self.id} must be a Check such as at_most(...), got {type(evidence).__name__}"
            )
        verdict = Verdict(
            id=self.id,
            title=self.title,
            kind=self.kind,
            expected=self.expected,
            outcome=outcome(evidence.holds, controls),
            evidence=evidence,
            controls=tuple(controls),
            numbers=dict(numbers or {}),
            note=note or self.note,
        )
        ledger.record(verdict, session.current())
        return verdict

    def _repr_markdown_(self) -> str:
        body = self.statement.strip().replace("\n", "\n> ")
        printed = self.printed + (f" — {self.remark.rstrip('.')}" if self.remark else "")
        corrects = f" *Corrects* {self.corrects}." if self.corrects else ""
        heading = f"> **{self.id} · {self.title}** ({self.where})"
        return f"{heading}\n>\n> {body}\n>\n> *Printed:* {printed}.{corrects} *Evidence:* {self.kind}."

    def __str__(self) -> str:
        return f"{self.id} · {self.title} ({self.where}): {self.statement.strip()}"


@dataclass(frozen=True)
class Notebook:
    """One claims file: the notebook's ``stem``, ``title`` (a question), ``source`` and ``claims`` by id."""

    stem: str
    title: str
    source: str
    claims: dict[str, Claim]


def load(folder: pathlib.Path | None = None) -> dict[str, Notebook]:
    """All claims files of ``folder`` (default: ``claims/`` of the checkout) by stem, in order.

    Raises CatalogueError naming the file for anything malformed, and for an id used twice.
    """
    folder = folder or session.home() / "claims"
    notebooks, owner = {}, {}
    for path in sorted(folder.glob("*.toml")):
        notebooks[path.stem] = read(path)
        for id in notebooks[path.stem].claims:
            if id in owner:
                raise CatalogueError(
                    f"claims/{path.name}: id {id} is already used in claims/{owner[id]}.toml; ids are unique"
                )
            owner[id] = path.stem
    return notebooks


def read(path: pathlib.Path) -> Notebook:
    """One claims file. Raises CatalogueError naming file, entry and field."""
    name = f"claims/{path.name}"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CatalogueError(f"{name} is missing: write the claims of notebook {path.stem} there") from None
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{name} is not valid TOML: {error}") from None
    for field in ("title", "source"):
        if not isinstance(content.get(field), str):
            raise CatalogueError(f"{name}: the field {field!r} is missing at the top of the file")
    claims = {}
    for position, entry in enumerate(content.get("claim", []), start=1):
        place = f"{name}, claim {entry.get('id', f'number {position}')}"
        _validate(entry, place)
        if entry["id"] in claims:
            raise CatalogueError(f"{place}: the id is used twice in this file")
        claims[entry["id"]] = Claim(**entry, notebook=path.stem)
    if not claims:
        raise CatalogueError(f"{name} holds no [[claim]]")
    return Notebook(path.stem, content["title"], content["source"], claims)


def _validate(entry: dict, place: str) -> None:
    for field in REQUIRED:
        if field not in entry:
            raise CatalogueError(f"{place}: the field {field!r} is missing")
    unknown = set(entry) - set(REQUIRED) - set(OPTIONAL)
    if unknown:
        raise CatalogueError(
            f"{place}: unknown field {sorted(unknown)[0]!r}; known are {', '.join(REQUIRED + OPTIONAL)}"
        )
    for field, values in (("printed", PRINTED), ("kind", KINDS), ("expected", EXPECTED)):
        if entry[field] not in values:
            raise CatalogueError(f"{place}: {field} must be one of {', '.join(values)}, got {entry[field]!r}")
    if entry["expected"] == "inconclusive" and not entry.get("note"):
        raise CatalogueError(f"{place}: an expected outcome of inconclusive needs a note that says what is missing")


@functools.cache
def _catalogue() -> dict[str, Claim]:
    return {id: claim for notebook in load().values() for id, claim in notebook.claims.items()}


def claim(id: str) -> Claim:
    """The claim with this id, e.g. ``claim("BP-06")``. Raises KeyError naming the nearest known ids."""
    import difflib

    known = _catalogue()
    if id not in known:
        near = ", ".join(difflib.get_close_matches(id, known, n=3, cutoff=0.4)) or "none is similar"
        raise KeyError(f"no claim {id!r} in claims/*.toml; did you mean: {near}?")
    return known[id]
