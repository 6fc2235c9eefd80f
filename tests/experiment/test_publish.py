"""Publishing replaces all files or none, whatever happens in between."""

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

    def failing(root, journal, name):
        if len(swapped) == survived:
            raise OSError(28, "No space left on device", name)
        swapped.append(name)
        swap(root, journal, name)

    monkeypatch.setattr(publish, "swap", failing)
    with pytest.raises(publish.PublishError, match=r"cannot be written \(No space left"):
        publish.replace_files(record, NEW, journal)
    assert snapshot(record) == before


@pytest.mark.parametrize("survived", [0, 1, 3])
def test_a_process_killed_in_the_middle_is_undone_at_the_next_start(record, journal, monkeypatch, survived):
    before, swapped, swap = snapshot(record), [], publish.swap

    class Killed(BaseException):
        pass

    def killed(root, journal, name):
        if len(swapped) == survived:
            raise Killed
        swapped.append(name)
        swap(root, journal, name)

    monkeypatch.setattr(publish, "swap", killed)
    with pytest.raises(Killed):
        publish.replace_files(record, NEW, journal)
    assert publish.recover(record, journal)
    assert snapshot(record) == before
    assert not publish.recover(record, journal)


def test_contents_that_are_there_already_are_not_written_again(record, journal):
    path = record / "ledger/A.json"
    stamp = path.stat().st_mtime_ns
    publish.replace_files(record, {"ledger/A.json": b"old"}, journal)
    assert path.stat().st_mtime_ns == stamp
