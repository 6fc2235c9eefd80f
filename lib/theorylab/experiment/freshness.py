"""Were these outputs made by this code? Hashes of a notebook's code cells and of what it imports."""

import ast
import hashlib
import pathlib
from collections.abc import Iterable, Mapping

import theorylab
from theorylab.experiment.plain import code_cells, code_digest, outputs_digest, record, source_of

PACKAGE = pathlib.Path(theorylab.__file__).resolve().parent


def hashes(document: Mapping, claims_file: pathlib.Path) -> dict[str, str]:
    """Hashes of what outputs are made of, stored with them: ``code`` (the code cells) and ``library`` (the modules of
    theorylab that the cells import, directly or not, and the claims file)."""
    files = [*modules(map(source_of, code_cells(document))), claims_file]
    return {"code": code_digest(document), "library": digest(files)}


def staleness(document: Mapping, claims_file: pathlib.Path) -> str | None:
    """Why the outputs of a committed notebook are not of this source, in a clause; None when they are fresh."""
    stored = record(document)
    if not stored:
        return "not run yet"
    now = hashes(document, claims_file)
    if stored.get("code") != now["code"]:
        return "its code changed"
    if stored.get("library") != now["library"]:
        return "the library or the claims changed"
    if stored.get("outputs") != outputs_digest(document):
        return "its outputs were edited, they are not those of the run that made the record"
    return None


def modules(sources: Iterable[str]) -> list[pathlib.Path]:
    """The files of theorylab that ``sources`` import, directly or through one another, sorted."""
    found: set[pathlib.Path] = set()
    waiting = [imported(source, "") for source in sources]
    while waiting:
        for name in waiting.pop():
            for path in files_of(name):
                if path not in found:
                    found.add(path)
                    waiting.append(imported(path.read_text(encoding="utf-8"), package_of(path)))
    return sorted(found)


def imported(source: str, package: str) -> set[str]:
    """The dotted names of theorylab that ``source`` imports anywhere; of ``from a import b`` also ``a.b``, which may
    be a module."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return set()  # a cell with magics; executing it will tell
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            names.update([base, *(f"{base}.{alias.name}" for alias in node.names)])
    return {name for name in names if name.split(".")[0] == PACKAGE.name}


def files_of(name: str) -> list[pathlib.Path]:
    """The files that importing ``name`` runs: its packages' ``__init__.py`` and the module itself, as far as it is
    one."""
    path, files = PACKAGE, [PACKAGE / "__init__.py"]
    for part in name.split(".")[1:]:
        path = path / part
        files += [path / "__init__.py", path.with_suffix(".py")]
    return [file for file in files if file.is_file()]


def package_of(path: pathlib.Path) -> str:
    """The dotted name of the package in which the module ``path`` lies."""
    return ".".join(path.parent.relative_to(PACKAGE.parent).parts)


def installation_digest() -> str:
    """Hash of the whole library and all claims of this installation, to compare two machines."""
    root = PACKAGE.parents[1]
    return digest([*sorted(PACKAGE.rglob("*.py")), *sorted((root / "claims").glob("*.toml"))])


def digest(files: Iterable[pathlib.Path]) -> str:
    """Hash of the names and contents of ``files``, line endings apart."""
    hasher = hashlib.sha256()
    for path in files:
        content = path.read_bytes().replace(b"\r\n", b"\n") if path.exists() else b""
        hasher.update(path.name.encode() + b"\0" + content + b"\0")
    return hasher.hexdigest()
