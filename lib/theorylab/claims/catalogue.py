"""The claims as written down in ``claims/NN_slug.toml``, before anything is run."""

import functools
import pathlib
import tomllib
from dataclasses import dataclass, field

from theorylab import session
from theorylab.claims import ledger
from theorylab.claims.report import UNBROKEN_HYPHEN
from theorylab.claims.verdict import Part, Verdict

PRINTED = ("true", "incomplete", "ambiguous", "misprint", "false", "not printed")
KINDS = ("exact", "deterministic", "statistical", "observational")
EXPECTED = ("supported", "contradicted", "inconclusive")
WHO = {
    "authors": "The authors write",
    "abstract": "The abstract says",
    "caption": "A caption says",
    "reviewer": "A review says",
    "own": "Derived here",
}
REQUIRED = ("id", "title", "statement", "who", "where", "printed", "kind", "expected")
OPTIONAL = ("quote", "reading", "remark", "headline", "corrects", "note")
LONGEST_QUOTE = 25  # words


class CatalogueError(ValueError):
    """A claims file is missing, unreadable or malformed; the message names the file, the entry and the remedy."""


@dataclass(frozen=True)
class Text:
    """Markdown that a notebook renders and a terminal prints."""

    markdown: str

    def _repr_markdown_(self) -> str:
        return self.markdown

    def __str__(self) -> str:
        return self.markdown


@dataclass(frozen=True)
class Claim:
    """One claim: its ``statement`` (LaTeX in Markdown); in which words (``quote``) ``who`` says it and ``where``; the
    ``reading`` that makes the words precise; how it is ``printed`` there (with a ``remark``); the ``kind`` of evidence
    and the outcome ``expected`` before the first run."""

    id: str
    title: str
    statement: str
    who: str
    where: str
    printed: str
    kind: str
    expected: str
    notebook: str
    quote: str = ""
    reading: str = ""
    remark: str = ""
    headline: bool = False
    corrects: str | None = None
    note: str | None = None

    def judge(self, *parts: Part, numbers: dict | None = None, note: str | None = None) -> Verdict:
        """Judge the claim by its named ``parts`` and record the verdict in the output folder of the open session.

        Parts are made with ``part(name, check, *controls)`` and ``guard(name, check)``; ``numbers`` are the measured
        values to keep (scalars, lists, dictionaries). Returns the verdict. Raises TypeError for what is no part,
        ValueError for none that decides or a name used twice, RuntimeError when no session is open.
        """
        for found in parts:
            if not isinstance(found, Part):
                raise TypeError(
                    f"{self.id} is judged by parts, part(name, check, *controls) or guard(name, check), got "
                    f"{type(found).__name__}"
                )
        if all(found.guard for found in parts):
            raise ValueError(f"{self.id} needs a part that decides: add part(name, check, must_fail(...))")
        names = [found.name for found in parts]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"{self.id} has two parts called {twice[0]!r}; a reader must tell them apart")
        verdict = Verdict(
            id=self.id,
            title=self.title,
            kind=self.kind,
            expected=self.expected,
            parts=parts,
            numbers=dict(numbers or {}),
            note=note or self.note,
        )
        ledger.record(verdict, session.current())
        return verdict

    @property
    def source(self) -> str:
        """Who says it, where, and in which words."""
        said = f": “{self.quote.strip()}”" if self.quote else ""
        return f"{WHO[self.who]} ({self.where}){said}"

    @property
    def short(self) -> Text:
        """The claim as one paragraph: title, source and statement."""
        return Text(
            f"**{self.id} · {self.title}.** {self.statement.strip()} *{WHO[self.who]}* ({self.where})"
            + (f": “{self.quote.strip()}”" if self.quote else ".")
        )

    def _repr_markdown_(self) -> str:
        paragraphs = [f"**{self.id} · {self.title}**", self.source]
        if self.reading:
            paragraphs.append(f"*Reading:* {self.reading.strip()}")
        paragraphs.append(self.statement.strip())
        printed = self.printed + (f" — {self.remark.strip().rstrip('.')}" if self.remark else "")
        corrects = f" *Corrects* {self.corrects}." if self.corrects else ""
        paragraphs.append(f"*Printed:* {printed}.{corrects} *Evidence:* {self.kind}.")
        return "\n>\n".join("> " + text.replace("\n", "\n> ") for text in paragraphs)

    def __str__(self) -> str:
        return f"{self.id} · {self.title} ({self.where}): {self.statement.strip()}"


@dataclass(frozen=True)
class Notebook:
    """One claims file: the notebook's ``stem``, ``title`` (a question), ``source``, ``claims`` by id, and the ids
    ``withdrawn`` with the reason of each; a withdrawn id is never used again."""

    stem: str
    title: str
    source: str
    claims: dict[str, Claim]
    withdrawn: dict[str, str] = field(default_factory=dict)


def load(folder: pathlib.Path | None = None) -> dict[str, Notebook]:
    """All claims files of ``folder`` (default: ``claims/`` of the checkout) by stem, in order.

    Raises CatalogueError naming the file for anything malformed, and for an id used twice.
    """
    folder = folder or session.home() / "claims"
    notebooks, owner = {}, {}
    for path in sorted(folder.glob("*.toml")):
        notebooks[path.stem] = read(path)
        for id in [*notebooks[path.stem].claims, *notebooks[path.stem].withdrawn]:
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
    except UnicodeDecodeError:
        raise CatalogueError(f"{name} is not UTF-8; save it in that encoding") from None
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{name} is not valid TOML: {error}") from None
    for top in ("title", "source"):
        if not isinstance(content.get(top), str):
            raise CatalogueError(f"{name}: the field {top!r} must be text at the top of the file")
    withdrawn = content.get("withdrawn", {})
    if not isinstance(withdrawn, dict) or not all(isinstance(reason, str) for reason in withdrawn.values()):
        raise CatalogueError(f'{name}: [withdrawn] holds a line ID = "reason" for every id that was taken back')
    claims = {}
    for position, entry in enumerate(content.get("claim", []), start=1):
        place = f"{name}, claim {entry.get('id', f'number {position}')}"
        _validate(entry, place)
        if entry["id"] in claims:
            raise CatalogueError(f"{place}: the id is used twice in this file")
        if entry["id"] in withdrawn:
            raise CatalogueError(f"{place}: the id is withdrawn in this file; ids are never used again")
        claims[entry["id"]] = Claim(**entry, notebook=path.stem)
    if not claims:
        raise CatalogueError(f"{name} holds no [[claim]]")
    return Notebook(path.stem, content["title"], content["source"], claims, withdrawn)


def _validate(entry: dict, place: str) -> None:
    for name in REQUIRED:
        if name not in entry:
            raise CatalogueError(f"{place}: the field {name!r} is missing")
    unknown = set(entry) - set(REQUIRED) - set(OPTIONAL)
    if unknown:
        raise CatalogueError(
            f"{place}: unknown field {sorted(unknown)[0]!r}; known are {', '.join(REQUIRED + OPTIONAL)}"
        )
    for name, value in entry.items():
        kind, words = (bool, "true or false") if name == "headline" else (str, "text")
        if not isinstance(value, kind):
            raise CatalogueError(f"{place}: {name} must be {words}, got {value!r}")
    for name, values in (("printed", PRINTED), ("kind", KINDS), ("expected", EXPECTED), ("who", tuple(WHO))):
        if entry[name] not in values:
            raise CatalogueError(f"{place}: {name} must be one of {', '.join(values)}, got {entry[name]!r}")
    if entry["who"] != "own":
        for name in ("quote", "reading"):
            if not entry.get(name):
                raise CatalogueError(f'{place}: the field {name!r} is missing; only a claim with who = "own" has none')
    if (words := len(entry.get("quote", "").split())) > LONGEST_QUOTE:
        raise CatalogueError(f"{place}: a quote has at most {LONGEST_QUOTE} words, this one has {words}")
    if entry["who"] == "own" and entry["expected"] == "contradicted":
        raise CatalogueError(f'{place}: nobody is contradicted by who = "own"; quote who says it, or withdraw it')
    if entry["expected"] == "inconclusive" and not entry.get("note"):
        raise CatalogueError(f"{place}: an expected outcome of inconclusive needs a note that says what is missing")


@functools.cache
def _catalogue() -> dict[str, Claim]:
    return {id: claim for notebook in load().values() for id, claim in notebook.claims.items()}


@functools.cache
def _of_notebook(stem: str) -> dict[str, Claim]:
    return read(session.home() / "claims" / f"{stem}.toml").claims


def claim(id: str) -> Claim:
    """The claim with this id, e.g. ``claim("BP-06")``. Raises KeyError naming the nearest known ids."""
    import difflib

    id = id.replace(UNBROKEN_HYPHEN, "-")
    # The open notebook's own file first: a mistake in another one is no reason to stop here.
    if session.is_open() and id in (own := _of_notebook(session.current().notebook)):
        return own[id]
    known = _catalogue()
    if id not in known:
        near = ", ".join(difflib.get_close_matches(id, known, n=3, cutoff=0.4)) or "none is similar"
        raise KeyError(f"no claim {id!r} in claims/*.toml; did you mean: {near}?")
    return known[id]
