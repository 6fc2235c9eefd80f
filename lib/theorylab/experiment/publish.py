"""Replace files together: either all are new, or none is touched, also when the process dies in the middle.

New contents are written beside the record first; a journal with copies of the old files is laid down; then the files
are swapped one by one; removing the journal completes it. A journal that is still there at the next start is undone.
"""

import contextlib
import json
import os
import pathlib
import shutil
from collections.abc import Mapping


class PublishError(OSError):
    """The files cannot be written; nothing was changed. The message names the path and the remedy."""


def replace_files(root: pathlib.Path, contents: Mapping[str, bytes | None], journal: pathlib.Path) -> None:
    """Write ``contents`` (relative path to bytes, or None to delete the file) under ``root``, all or nothing.

    ``journal`` is a folder for the time of the swap, on the same file system.

    Raises PublishError, with every file as it was, when one of them cannot be written.
    """
    changes = {name: content for name, content in contents.items() if current(root / name) != content}
    if not changes:
        return
    for name in changes:
        require_writable(root, name)
    recover(root, journal)
    try:
        lay_down(root, journal, changes)
        for name in changes:
            swap(root, journal, name)
        (journal / "journal.json").unlink()
    except OSError as error:
        recover(root, journal)
        path = error.filename or journal
        raise PublishError(f"{path} cannot be written ({error.strerror}); make it writable") from None
    finally:
        with contextlib.suppress(OSError):
            if not (journal / "journal.json").exists():
                shutil.rmtree(journal, ignore_errors=True)


def recover(root: pathlib.Path, journal: pathlib.Path) -> bool:
    """Undo a replacement that was cut off; returns whether there was one."""
    try:
        names = json.loads((journal / "journal.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        shutil.rmtree(journal, ignore_errors=True)
        return False
    for name in names:
        old = journal / "old" / name
        if old.exists():
            partial = old.with_name(old.name + ".partial")
            shutil.copyfile(old, partial)
            os.replace(partial, root / name)
        else:
            (root / name).unlink(missing_ok=True)
    (journal / "journal.json").unlink()
    shutil.rmtree(journal, ignore_errors=True)
    return True


def require_writable(root: pathlib.Path, name: str) -> None:
    """Raise PublishError when a file stands where ``name`` needs a folder, or a folder where it needs a file."""
    path = root / name
    if path.is_dir():
        raise PublishError(f"{name} is a folder, but a file goes there; remove it")
    for folder in path.parents:
        if folder == root or root not in folder.parents:
            return
        if os.path.lexists(folder) and not folder.is_dir():
            raise PublishError(f"{folder.relative_to(root).as_posix()} is a file, but a folder goes there; remove it")


def current(path: pathlib.Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def lay_down(root: pathlib.Path, journal: pathlib.Path, changes: Mapping[str, bytes | None]) -> None:
    """Write the new contents and copies of the old files, then, last, the journal that makes them count."""
    for name, content in changes.items():
        for part, data in (("new", content), ("old", current(root / name))):
            if data is not None:
                (journal / part / name).parent.mkdir(parents=True, exist_ok=True)
                (journal / part / name).write_bytes(data)
        if content is not None:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
    partial = journal / "journal.partial"
    partial.write_text(json.dumps(list(changes)), encoding="utf-8")
    os.replace(partial, journal / "journal.json")


def swap(root: pathlib.Path, journal: pathlib.Path, name: str) -> None:
    new = journal / "new" / name
    if new.exists():
        os.replace(new, root / name)
    else:
        (root / name).unlink()
