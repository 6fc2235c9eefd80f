"""Publishing replaces all files or none, whatever happens in between, and never two runs at once."""

import threading

import pytest

from tests.laboratory.sample_laboratory import snapshot
from theorylab.experiment import publish

NEW = {"notebooks/a.ipynb": b"new", "figures/a/new.svg": b"new", "figures/a/old.svg": None, "ledger/A.json": b"new"}


@pytest.fixture
def record(tmp_path):
    for name in ("notebooks/a.ipynb", "figures/a/old.svg", "ledger/A.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"old")
    return tmp_path


@pytest.fixture
def journal(record):
    return record / "build" / "publishing"


def test_all_files_are_replaced_and_leftovers_deleted(record, journal):
    publish.replace_files(record, NEW, journal)
    assert snapshot(record) == {name: content for name, content in NEW.items() if content}
    assert not journal.exists()


@pytest.mark.parametrize("blocked", ["figures/a", "figures", "ledger/A.json"])
def test_a_path_in_the_way_is_named_and_nothing_changes(tmp_path, journal, record, blocked):
    if blocked.endswith(".json"):
        (record / blocked).unlink()
        (record / blocked).mkdir()
    else:
        for path in sorted((record / blocked).rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (record / blocked).rmdir()
        (record / blocked).write_text("in the way")
    before = snapshot(record)
    with pytest.raises(publish.PublishError, match=f"{blocked} is a (file|folder), .*; remove it"):
        publish.replace_files(record, NEW, journal)
    assert snapshot(record) == before


@pytest.mark.parametrize("survived", [0, 1, 3])
def test_an_error_in_the_middle_undoes_the_files_before_it(record, journal, monkeypatch, survived):
    before, swapped, swap = snapshot(record), [], publish.swap

    def failing(root, journal, name, content):
        if len(swapped) == survived:
            raise OSError(28, "No space left on device", name)
        swapped.append(name)
        swap(root, journal, name, content)

    monkeypatch.setattr(publish, "swap", failing)
    with pytest.raises(publish.PublishError, match=r"cannot be written \(No space left.*the disk is full"):
        publish.replace_files(record, NEW, journal)
    assert snapshot(record) == before


class Killed(BaseException):
    """Ends a replacement as SIGKILL would: nobody cleans up."""


def cut_off(record, journal, survived: int) -> None:
    """Leave behind what a process leaves that was killed after ``survived`` files."""
    swapped, swap = [], publish.swap

    def killed(root, journal, name, content):
        if len(swapped) == survived:
            raise Killed
        swapped.append(name)
        swap(root, journal, name, content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish, "swap", killed)
        with pytest.raises(Killed):
            publish.replace_files(record, NEW, journal)


@pytest.mark.parametrize("survived", [0, 1, 3])
def test_a_process_killed_in_the_middle_is_undone_at_the_next_start(record, journal, survived):
    before = snapshot(record)
    cut_off(record, journal, survived)
    assert publish.recover(record, journal).endswith("its changes were undone.")
    assert snapshot(record) == before
    assert publish.recover(record, journal) is None


def test_undoing_may_be_cut_off_and_done_again(record, journal):
    before, replaced, replace = snapshot(record), [], publish.os.replace
    cut_off(record, journal, 3)

    def killed(source, target):
        if replaced:
            raise Killed
        replaced.append(target)
        replace(source, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publish.os, "replace", killed)
        with pytest.raises(Killed):
            publish.recover(record, journal)
    assert publish.recover(record, journal)
    assert snapshot(record) == before


def test_what_somebody_edited_after_the_cut_is_left_and_named(record, journal):
    cut_off(record, journal, 3)
    (record / "notebooks/a.ipynb").write_bytes(b"edited")
    assert "except in notebooks/a.ipynb, edited since" in publish.recover(record, journal)
    assert (record / "notebooks/a.ipynb").read_bytes() == b"edited"
    assert (record / "figures/a/old.svg").read_bytes() == b"old"


@pytest.mark.parametrize("content", ["", "[]", '{"notebooks/a.ipynb"', '{"notebooks/a.ipynb": 3}'])
def test_a_broken_journal_is_named_with_its_remedy(record, journal, content):
    cut_off(record, journal, 1)
    (journal / publish.JOURNAL).write_text(content)
    with pytest.raises(publish.PublishError, match=r"journal cannot be read.*restore notebooks/"):
        publish.recover(record, journal)
    with pytest.raises(publish.PublishError, match="journal cannot be read"):
        publish.replace_files(record, NEW, journal)


@pytest.fixture
def slow(monkeypatch):
    """A disk so slow that others meet a run in the middle of its swaps: ``begun`` is set there, ``go`` ends it."""
    begun, go, swap = threading.Event(), threading.Event(), publish.swap

    def swap_slowly(root, journal, name, content):
        swap(root, journal, name, content)
        if threading.current_thread().name == "A":
            begun.set()
            assert go.wait(10)

    monkeypatch.setattr(publish, "swap", swap_slowly)

    def start(record, contents, journal):
        thread = threading.Thread(target=publish.replace_files, args=(record, contents, journal), name="A")
        thread.start()
        assert begun.wait(10)
        return thread, go

    return start


@pytest.mark.parametrize("second", ["recover", "replace"])
def test_a_second_run_waits_until_the_first_has_published(record, journal, slow, capsys, second):
    """Run B starts, or publishes, while run A is swapping: A's files must be complete, and B's come after them."""
    thread, go = slow(record, NEW, journal)
    threading.Timer(0.3, go.set).start()
    if second == "recover":
        assert publish.recover(record, journal) is None
    else:
        publish.replace_files(record, {"ledger/B.json": b"B"}, journal)
    assert not thread.is_alive() or thread.join(5) is None
    assert "Another run is publishing" in capsys.readouterr().err
    expected = {name: content for name, content in NEW.items() if content}
    assert snapshot(record) == (expected if second == "recover" else expected | {"ledger/B.json": b"B"})


def test_a_run_that_never_ends_publishing_is_named(record, journal, slow, monkeypatch):
    monkeypatch.setattr(publish, "PATIENCE", 0.1)
    thread, go = slow(record, NEW, journal)
    with pytest.raises(publish.PublishError, match="another run has been publishing"):
        publish.replace_files(record, NEW, journal)
    go.set()
    thread.join(5)


@pytest.mark.parametrize("lost", ["one file", "the journal"])
def test_what_is_lost_from_the_journal_is_never_taken_for_a_deletion(record, journal, monkeypatch, lost):
    """Somebody removes planned contents in the middle of the swaps: an error, and every file as it was."""
    before, swap = snapshot(record), publish.swap

    def losing(root, journal, name, content):
        if name.startswith("ledger/"):
            (journal / "new" / name).unlink() if lost == "one file" else publish.shutil.rmtree(journal)
        swap(root, journal, name, content)

    monkeypatch.setattr(publish, "swap", losing)
    with pytest.raises(publish.PublishError, match="somebody removed it meanwhile"):
        publish.replace_files(record, NEW, journal)
    assert snapshot(record) == before
    assert not journal.exists()


def test_a_lock_that_cannot_be_made_is_named(record):
    (record / "build").write_text("a file")
    with pytest.raises(publish.PublishError, match=r"a file stands where a folder is needed: remove it"):
        publish.replace_files(record, NEW, record / "build" / "publishing")


def test_contents_that_are_there_already_are_not_written_again(record, journal):
    path = record / "ledger/A.json"
    stamp = path.stat().st_mtime_ns
    publish.replace_files(record, {"ledger/A.json": b"old"}, journal)
    assert path.stat().st_mtime_ns == stamp
