"""Replace files together: either all are new, or none is touched, also when the process dies in the middle.

New contents are written beside the record first; a journal with the plan and copies of the old files is laid down; then
the files are swapped one by one; removing the journal completes it. A journal that is still there at the next start is
undone. A lock beside the journal keeps two runs from doing so at once.
"""

import contextlib
import errno
import hashlib
import json
import os
import pathlib
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping

from filelock import FileLock, Timeout

# Publishing a notebook takes seconds; a run that holds the lock for longer is stuck or stopped.
PATIENCE = 60
JOURNAL = "journal.json"


class PublishError(OSError):
    """The files cannot be written; nothing was changed. The message names the path and the remedy."""


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def alone(journal: pathlib.Path, say: Callable[[str], None] = tell) -> Iterator[None]:
    """Keep every other process from publishing with this ``journal``; may be nested. The lock ends with the process.

    Waits while another run publishes, which it ``say``s. Raises PublishError when that takes a minute, or when the lock
    cannot be had for another reason.
    """
    path = journal.with_name(journal.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One object for each path, so that its holder may take it again.
        lock = FileLock(path, is_singleton=True)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(f"Another run is publishing with {path.parent}; waiting for it.")
            lock.acquire(timeout=PATIENCE)
    except Timeout:
        raise PublishError(
            f"another run has been publishing with {path.parent} for more than {PATIENCE} s; wait for it or end it"
        ) from None
    except (OSError, NotImplementedError) as error:
        raise PublishError(sentence(error, path)) from None
    try:
        yield
    finally:
        lock.release()


def replace_files(root: pathlib.Path, contents: Mapping[str, bytes | None], journal: pathlib.Path) -> None:
    """Write ``contents`` (relative path to bytes, or None to delete the file) under ``root``, all or nothing.

    ``journal`` is a folder for the time of the swap, on the same file system. A replacement that was cut off before is
    undone first.

    Raises PublishError, with every file as it was, when one of them cannot be written.
    """
    with alone(journal):
        recover(root, journal)
        before = {name: current(root / name) for name in contents}
        changes = {name: content for name, content in contents.items() if before[name] != content}
        if not changes:
            return
        for name in changes:
            require_writable(root, name)
        plan = {name: (digest(before[name]), digest(content)) for name, content in changes.items()}
        try:
            lay_down(root, journal, before, changes, plan)
            for name, content in changes.items():
                swap(root, journal, name, content)
            (journal / JOURNAL).unlink()
        except OSError as error:
            try:
                with contextlib.suppress(FileNotFoundError):  # somebody removed the journal; the copies here remain
                    put_back(root, journal, plan)
                for name in changes:
                    if current(root / name) == changes[name]:
                        write(root / name, before[name])
                (journal / JOURNAL).unlink(missing_ok=True)
            except OSError as again:
                raise PublishError(f"{sentence(again, journal)}; then the next run undoes what was changed") from None
            raise PublishError(sentence(error, journal)) from None
        finally:
            if not (journal / JOURNAL).exists():
                shutil.rmtree(journal, ignore_errors=True)


def recover(root: pathlib.Path, journal: pathlib.Path) -> str | None:
    """Undo a replacement that was cut off; returns a sentence about it, None when there was none.

    A file that somebody changed since is left as it is, and named. Waits for a run that is publishing right now.
    Raises PublishError when the journal cannot be read or a file cannot be put back.
    """
    if not journal.exists():
        return None
    with alone(journal):
        try:
            plan = json.loads((journal / JOURNAL).read_text(encoding="utf-8"))
            left = put_back(root, journal, {name: (old, new) for name, (old, new) in plan.items()})
            (journal / JOURNAL).unlink()
        except FileNotFoundError as error:
            if (journal / JOURNAL).exists():
                raise PublishError(unreadable(journal, error)) from None
            shutil.rmtree(journal, ignore_errors=True)  # cut off before anything was changed, or after all was
            return None
        except OSError as error:
            raise PublishError(
                f"an earlier run was cut off while it published, and {sentence(error, journal)}"
            ) from None
        except (ValueError, TypeError, AttributeError) as error:
            raise PublishError(unreadable(journal, error)) from None
        shutil.rmtree(journal, ignore_errors=True)
    edited = f", except in {', '.join(left)}, edited since" if left else ""
    return f"An earlier run was cut off while it published; its changes were undone{edited}."


def unreadable(journal: pathlib.Path, error: Exception) -> str:
    return (
        f"an earlier run was cut off while it published, and its journal cannot be read ({type(error).__name__}); "
        f"restore notebooks/, figures/ and ledger/ from version control and remove {journal}"
    )


def sentence(error: Exception, place: pathlib.Path) -> str:
    """What prevents writing, as a clause with its remedy."""
    number = getattr(error, "errno", None)
    path = getattr(error, "filename", None) or place
    reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
    remedy = {
        errno.ENOSPC: "the disk is full: free some space",
        errno.EDQUOT: "the quota is used up: free some space",
        errno.EROFS: "the file system is read-only: use a checkout that can be written",
        errno.ENOENT: "somebody removed it meanwhile: run this again",
        errno.EEXIST: "a file stands where a folder is needed: remove it",
        errno.ENOTDIR: "a file stands where a folder is needed: remove it",
    }.get(number, "make it writable")
    return f"{path} cannot be written ({reason}); {remedy}"


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


def digest(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()


def lay_down(
    root: pathlib.Path,
    journal: pathlib.Path,
    before: Mapping[str, bytes | None],
    changes: Mapping[str, bytes | None],
    plan: Mapping[str, tuple[str | None, str | None]],
) -> None:
    """Write the new contents and copies of the old files, then, last, the plan that makes them count: the hashes of
    each file's old and new content, None where there is none."""
    for name, content in changes.items():
        for part, data in (("new", content), ("old", before[name])):
            if data is not None:
                (journal / part / name).parent.mkdir(parents=True, exist_ok=True)
                (journal / part / name).write_bytes(data)
        if content is not None:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
    partial = journal / "journal.partial"
    partial.write_text(json.dumps(plan), encoding="utf-8")
    os.replace(partial, journal / JOURNAL)


def swap(root: pathlib.Path, journal: pathlib.Path, name: str, content: bytes | None) -> None:
    """Bring one file to its planned ``content``. What is missing in the journal is an error, never a deletion."""
    if content is None:
        (root / name).unlink(missing_ok=True)
    else:
        os.replace(journal / "new" / name, root / name)


def put_back(root: pathlib.Path, journal: pathlib.Path, plan: Mapping[str, tuple[str | None, str | None]]) -> list[str]:
    """Bring the files of ``plan`` back to their old contents; returns those that are neither old nor new, which
    somebody else wrote. Renames only, so that it works on a full disk; cut off, it can be done again."""
    left = []
    for name, (old, new) in plan.items():
        now = digest(current(root / name))
        if now == old:
            continue
        if now != new:
            left.append(name)
        elif old is None:
            (root / name).unlink()
        else:
            os.replace(journal / "old" / name, root / name)
    return left


def write(path: pathlib.Path, content: bytes | None) -> None:
    """Write ``content`` to ``path`` at once, or remove the file for None."""
    if content is None:
        path.unlink(missing_ok=True)
        return
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    os.replace(partial, path)
