"""Outcomes follow the table of the design; what is recorded is what was found, in a format others can read."""

import json
import pathlib

import jsonschema
import numpy as np
import pytest

from theorylab import session
from theorylab.claims import at_most, certified, frequency, ledger, must_fail, must_hold, report, table
from theorylab.claims.catalogue import Claim, Notebook
from theorylab.claims.verdict import Control, outcome

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "ledger" / "schema.json").read_text(encoding="utf-8"))
HOLDS, FAILS = at_most(1, 2), at_most(3, 2)
CLAIM = Claim("XX-01", "a title", "$1<2$", "slide 1", "true", "exact", "supported", "99_example")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(session.OUTPUT_VARIABLE, str(tmp_path))
    monkeypatch.setattr(session, "_current", None)
    session.begin("99_example", preset="quick", seed=3, device="cpu")
    return tmp_path


@pytest.mark.parametrize(
    ("evidence", "controls", "expected"),
    [
        (HOLDS, [must_fail("n", FAILS)], "supported"),
        (HOLDS, [must_fail("n", FAILS), must_hold("p", HOLDS)], "supported"),
        (HOLDS, [must_fail("n", HOLDS)], "vacuous"),
        (HOLDS, [must_fail("n", FAILS), must_fail("m", HOLDS)], "vacuous"),
        (HOLDS, [must_fail("n", FAILS), must_hold("p", FAILS)], "inconclusive"),
        (HOLDS, [must_hold("p", HOLDS)], "inconclusive"),
        (HOLDS, [], "inconclusive"),
        (FAILS, [must_hold("p", HOLDS)], "contradicted"),
        (FAILS, [must_hold("p", HOLDS), must_fail("n", FAILS)], "contradicted"),
        (FAILS, [must_hold("p", FAILS)], "inconclusive"),
        (FAILS, [must_fail("n", FAILS)], "inconclusive"),
        (FAILS, [], "inconclusive"),
    ],
)
def test_outcome_table(evidence, controls, expected):
    assert outcome(evidence.holds, controls) == expected


def test_controls_are_required_and_must_be_checks(folder):
    with pytest.raises(TypeError, match="controls"):
        CLAIM.judge(HOLDS)
    with pytest.raises(TypeError, match="needs a Check"):
        must_fail("n", False)
    with pytest.raises(ValueError, match="expect"):
        Control("n", "maybe", HOLDS)
    with pytest.raises(TypeError, match="evidence for XX-01"):
        CLAIM.judge(True, controls=[must_fail("n", FAILS)])


def test_judging_without_a_session_says_how_to_open_one(monkeypatch):
    monkeypatch.setattr(session, "_current", None)
    with pytest.raises(RuntimeError, match="begin"):
        CLAIM.judge(HOLDS, controls=[must_fail("n", FAILS)])


def test_recorded_entry_satisfies_the_schema_and_reads_back(folder):
    evidence = frequency(9, 10, at_least=0.5)
    numbers = {
        "scalar": np.float64(1 / 3),
        "count": np.int64(7),
        "flag": np.bool_(True),
        "table": np.array([[1.0, np.nan], [np.inf, 1e-17]]),
        "by_size": {16: 1.23456789, "name": (1, "x")},
    }
    verdict = CLAIM.judge(
        evidence, controls=[must_fail("broken", certified(False, "p"), found=np.inf)], numbers=numbers
    )
    row = json.loads((folder / "ledger" / "99_example" / "XX-01.json").read_text(encoding="utf-8"))
    jsonschema.validate(row, SCHEMA)
    assert row == ledger.entry(verdict, session.current())
    assert ledger.read(folder / "ledger") == {"XX-01": row}
    assert row["numbers"]["scalar"] == 0.333333
    assert row["numbers"]["table"] == [[1.0, None], [None, 1e-17]]
    assert row["numbers"]["by_size"] == {"16": 1.23457, "name": [1, "x"]}
    assert row["reason"]["numbers.table.0.1"] == "not a number"
    assert row["reason"]["numbers.table.1.0"] == "infinite"
    assert row["controls"][0]["numbers"] == {"share": None, "found": None}
    assert row["reason"]["controls.0.found"] == "infinite"
    assert (row["preset"], row["seed"], row["false_alarm"]) == ("quick", 3, 1e-3)


def test_failed_proof_has_no_share_and_a_reason(folder):
    CLAIM.judge(certified(False, "p"), controls=[must_hold("corrected", HOLDS)])
    row = ledger.read(folder / "ledger")["XX-01"]
    assert (row["outcome"], row["share"]) == ("contradicted", None)
    assert "share" in row["reason"]


def test_recording_twice_gives_the_same_bytes(folder):
    texts = []
    for _ in range(2):
        CLAIM.judge(HOLDS, controls=[must_fail("n", FAILS)], numbers={"x": 0.1 + 0.2})
        texts.append((folder / "ledger" / "99_example" / "XX-01.json").read_bytes())
    assert texts[0] == texts[1]
    assert not list((folder / "ledger").rglob("*.partial"))


def test_a_number_no_ledger_can_hold_is_named(folder):
    with pytest.raises(TypeError, match=r"numbers\.x"):
        CLAIM.judge(HOLDS, controls=[must_fail("n", FAILS)], numbers={"x": object()})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ('{"id": "XX-02"}', "not the ledger entry"),
        ('{"id": "XX-01", "outcome": 1, "schema": 9}', "schema 9"),
    ],
)
def test_unreadable_entries_are_named_with_a_remedy(tmp_path, text, message):
    (tmp_path / "XX-01.json").write_text(text)
    with pytest.raises(ledger.LedgerError, match=rf"XX-01.*{message}.*(restore|run)|{message}.*restore"):
        ledger.read(tmp_path)


def test_an_absent_ledger_is_empty_and_the_schema_is_no_entry(tmp_path):
    assert ledger.read(tmp_path / "none") == {}
    (tmp_path / "schema.json").write_text("{}")
    assert ledger.read(tmp_path) == {}


def test_a_verdict_shows_shares_and_what_was_expected(folder):
    verdict = CLAIM.judge(FAILS, controls=[must_hold("corrected | form", HOLDS)], note="a note")
    shown = verdict._repr_markdown_()
    assert "CONTRADICTED" in shown
    assert "expected supported" in shown
    assert "a note" in shown
    assert "1.5" in shown
    assert "contradicted" in str(verdict)
    row = table([verdict]).rows[0]
    assert row[0] == "XX-01"
    assert "expected supported" in row[2]


def test_generated_pages_list_every_claim(tmp_path, folder):
    CLAIM.judge(FAILS, controls=[must_hold("c", HOLDS)])
    other = Claim("XX-02", "second", "s", "w", "false", "exact", "contradicted", "99_example", remark="wrong sign")
    notebooks = {"99_example": Notebook("99_example", "A question?", "source", {"XX-01": CLAIM, "XX-02": other})}
    entries = ledger.read(folder / "ledger")
    page = report.ledger_page(notebooks, entries)
    assert "[XX-01](99_example/XX-01.json)" in page
    assert "| XX-02 |" in page
    assert "not run" in page
    figure = tmp_path / "figures" / "99_example" / "first.svg"
    figure.parent.mkdir(parents=True)
    figure.write_text("<svg/>")
    block = report.readme_block(notebooks, entries, tmp_path / "figures")
    assert "1 contradicted; 1 not run" in block
    assert "figures/99_example/first.svg" in block
    readme = f"before\n{report.BLOCK_START}\nold\n{report.BLOCK_END}\nafter"
    renewed = report.with_block(readme, block)
    assert renewed.startswith("before\n")
    assert renewed.endswith("\nafter")
    assert "old" not in renewed
    assert report.with_block(renewed, block) == renewed
    with pytest.raises(ValueError, match="README"):
        report.with_block("no block", block)
