"""Outcomes follow the table of the design; what is recorded is what was found, in a format others can read."""

import json
import pathlib
import re

import jsonschema
import numpy as np
import pytest

from theorylab import session
from theorylab.claims import at_most, certified, frequency, guard, ledger, must_fail, must_hold, part, report, table
from theorylab.claims.catalogue import Claim, Notebook
from theorylab.claims.verdict import Control, Verdict, outcome

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "ledger" / "schema.json").read_text(encoding="utf-8"))
HOLDS, FAILS = at_most(1, 2), at_most(3, 2)
NO, YES = must_fail("n", FAILS), must_hold("p", HOLDS)
CLAIM = Claim("XX-01", "a title", "$1<2$", "own", "slide 1", "true", "exact", "supported", "99_example")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(session.OUTPUT_VARIABLE, str(tmp_path))
    monkeypatch.setattr(session, "_current", None)
    session.begin("99_example", preset="quick", seed=3, device="cpu")
    return tmp_path


@pytest.mark.parametrize(
    ("check", "controls", "expected"),
    [
        (HOLDS, [NO], "supported"),
        (HOLDS, [NO, YES], "supported"),
        (HOLDS, [must_fail("n", HOLDS)], "vacuous"),
        (HOLDS, [NO, must_fail("m", HOLDS)], "vacuous"),
        (HOLDS, [NO, must_hold("p", FAILS)], "inconclusive"),
        (HOLDS, [YES], "inconclusive"),
        (HOLDS, [], "inconclusive"),
        (FAILS, [YES], "contradicted"),
        (FAILS, [YES, NO], "contradicted"),
        (FAILS, [must_hold("p", FAILS)], "inconclusive"),
        (FAILS, [YES, must_hold("q", FAILS)], "inconclusive"),
        (FAILS, [NO], "inconclusive"),
        (FAILS, [], "inconclusive"),
    ],
)
def test_outcome_of_one_part(check, controls, expected):
    assert outcome([part("a", check, *controls)]) == expected


SOUND, WRONG, UNSEEN = part("a", HOLDS, NO), part("b", FAILS, YES), part("c", HOLDS)
VACUOUS = part("d", HOLDS, must_fail("n", HOLDS))


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([SOUND, part("b", HOLDS, NO)], "supported"),
        ([SOUND, UNSEEN], "inconclusive"),
        ([SOUND, VACUOUS], "vacuous"),
        ([SOUND, WRONG], "contradicted"),
        ([UNSEEN, WRONG], "contradicted"),
        ([VACUOUS, WRONG], "inconclusive"),
        ([part("e", FAILS, must_hold("p", FAILS)), WRONG], "inconclusive"),
        ([SOUND, part("b", FAILS)], "inconclusive"),
        ([SOUND, guard("g", HOLDS)], "supported"),
        ([SOUND, guard("g", FAILS)], "inconclusive"),
        ([WRONG, guard("g", FAILS)], "inconclusive"),
        ([guard("g", HOLDS)], "inconclusive"),
    ],
)
def test_outcome_of_several_parts(parts, expected):
    assert outcome(parts) == expected
    verdict = Verdict("XX-01", "t", "exact", "supported", tuple(parts), {}, None)
    assert (verdict.why is None) == (expected in ("supported", "contradicted"))


def test_a_control_that_passed_by_chance_is_told_from_a_check_that_cannot_fail():
    by_chance = must_fail("few trials", frequency(3, 4, at_least=0.5))
    assert "for want of power" in part("a", HOLDS, NO, by_chance).complaint
    assert "for want of power" not in VACUOUS.complaint


def test_parts_and_controls_must_be_what_they_say(folder):
    with pytest.raises(TypeError, match="needs a Check"):
        must_fail("n", False)
    with pytest.raises(TypeError, match="part 'a' needs a Check"):
        part("a", True)
    with pytest.raises(TypeError, match="must_fail"):
        part("a", HOLDS, FAILS)
    with pytest.raises(ValueError, match="expect"):
        Control("n", "maybe", HOLDS)
    with pytest.raises(TypeError, match="XX-01 is judged by parts"):
        CLAIM.judge(HOLDS)
    with pytest.raises(ValueError, match="needs a part that decides"):
        CLAIM.judge(guard("g", HOLDS))
    with pytest.raises(ValueError, match="two parts called 'a'"):
        CLAIM.judge(SOUND, SOUND)


def test_judging_without_a_session_says_how_to_open_one(monkeypatch):
    monkeypatch.setattr(session, "_current", None)
    with pytest.raises(RuntimeError, match="begin"):
        CLAIM.judge(SOUND)


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
        part("often", evidence, must_fail("broken", certified(False, "p"), found=np.inf), tries=10),
        guard("counted", certified(True, "10 rows")),
        numbers=numbers,
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
    often, counted = row["parts"]
    assert (often["name"], often["guard"], often["numbers"]) == ("often", False, {"tries": 10})
    assert often["controls"][0]["numbers"] == {"share": None, "found": None}
    assert often["controls"][0]["relation"] == "NOT: p"
    assert row["reason"]["parts.0.controls.0.found"] == "infinite"
    assert counted["guard"]
    assert (row["preset"], row["seed"], row["false_alarm"], often["false_alarm"]) == ("quick", 3, 1e-3, 1e-3)


def test_failed_proof_has_no_share_and_a_reason(folder):
    CLAIM.judge(part("a", certified(False, "p"), must_hold("corrected", HOLDS)), part("b", HOLDS, NO))
    row = ledger.read(folder / "ledger")["XX-01"]
    assert (row["outcome"], row["share"]) == ("contradicted", None)
    assert "share" in row["reason"]


def test_recording_twice_gives_the_same_bytes(folder):
    texts = []
    for _ in range(2):
        CLAIM.judge(SOUND, numbers={"x": 0.1 + 0.2})
        texts.append((folder / "ledger" / "99_example" / "XX-01.json").read_bytes())
    assert texts[0] == texts[1]
    assert not list((folder / "ledger").rglob("*.partial"))


def test_a_number_no_ledger_can_hold_is_named(folder):
    with pytest.raises(TypeError, match=r"numbers\.x"):
        CLAIM.judge(SOUND, numbers={"x": object()})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ('{"id": "XX-02"}', "not the ledger entry"),
        ('{"id": "XX-01", "outcome": 1, "schema": 9}', "schema 9"),
        ('{"id": "XX-01", "outcome": 1, "schema": 1}', "schema 1, a single check per claim.*--full"),
    ],
)
def test_unreadable_entries_are_named_with_a_remedy(tmp_path, text, message):
    (tmp_path / "XX-01.json").write_text(text)
    with pytest.raises(ledger.LedgerError, match=rf"XX-01.*{message}.*(restore|run)|{message}"):
        ledger.read(tmp_path)


def test_an_absent_ledger_is_empty_and_the_schema_is_no_entry(tmp_path):
    assert ledger.read(tmp_path / "none") == {}
    (tmp_path / "schema.json").write_text("{}")
    assert ledger.read(tmp_path) == {}


def test_a_verdict_shows_a_row_per_part_and_what_was_expected(folder):
    verdict = CLAIM.judge(
        part("below two | or not", FAILS, must_hold("corrected | form", HOLDS)),
        part("proved", certified(True, "a < b")),
        guard("counted", HOLDS),
        note="a note",
    )
    bundle = verdict._repr_mimebundle_()
    for text in (bundle["text/markdown"], bundle["text/html"]):
        for shown in ("✗ CONTRADICTED", "EXPECTED SUPPORTED", "a note", "1.5", "(fails)", "a guard", "nothing yet"):
            assert shown in text
        assert "3 ≤ 2" not in text
    assert "| > | 2 |" in bundle["text/markdown"]
    assert "below two \\| or not" in bundle["text/markdown"]
    assert "a &lt; b" in bundle["text/html"]
    assert "1 of 2 parts" in bundle["text/markdown"]
    assert "contradicted" in bundle["text/plain"]
    row = table([verdict]).rows[0]
    assert row[0] == "XX‑01"
    assert "expected supported" in row[2]
    assert row[-1] == "1 of 2"


@pytest.mark.parametrize(("wrong", "why"), [(VACUOUS, "cannot be trusted to fail"), (UNSEEN, "not been seen to fail")])
def test_an_undecided_verdict_says_why_on_page_and_in_the_ledger(folder, wrong, why):
    verdict = CLAIM.judge(SOUND, wrong)
    assert why in verdict._repr_mimebundle_()["text/markdown"]
    row = ledger.read(folder / "ledger")["XX-01"]
    jsonschema.validate(row, SCHEMA)
    assert why in row["why"]


def test_generated_pages_list_every_claim(tmp_path, folder):
    CLAIM.judge(WRONG)
    other = Claim("XX-02", "second", "s", "own", "w", "true", "exact", "supported", "99_example")
    lists = {"false": "wrong sign", "ambiguous": "two readings", "incomplete": "needs n > 1", "misprint": "a typo"}
    third = {
        f"XX-0{n}": Claim(f"XX-0{n}", "t", "s", "own", "w", printed, "exact", "supported", "99_example", remark=remark)
        for n, (printed, remark) in enumerate(lists.items(), start=3)
    }
    for each in third.values():
        each.judge(SOUND)
    claims = {"XX-01": CLAIM, "XX-02": other, **third}
    notebooks = {"99_example": Notebook("99_example", "A question?", "source", claims, {"XX-09": "nobody said it"})}
    entries = ledger.read(folder / "ledger")
    page = report.ledger_page(notebooks, entries)
    assert "[XX-01](99_example/XX-01.json)" in page
    assert "| XX-02 |" in page
    assert "not run" in page
    assert "| 1 of 1 |" in page
    assert "XX-09: nobody said it" in page
    figure = tmp_path / "figures" / "99_example" / "first.svg"
    figure.parent.mkdir(parents=True)
    figure.write_text("<svg/>")
    block = report.readme_block(notebooks, entries, tmp_path / "figures")
    assert "4 supported; 1 contradicted; 1 not run" in block
    wrong, narrow, misprints = re.split("True only in a narrower reading|Misprints", block)
    assert "wrong sign" in wrong
    assert "two readings" in narrow
    assert "needs n > 1" in narrow
    assert "a typo" in misprints
    assert "figures/99_example/first.svg" in block
    readme = f"before\n{report.BLOCK_START}\nold\n{report.BLOCK_END}\nafter"
    renewed = report.with_block(readme, block)
    assert renewed.startswith("before\n")
    assert renewed.endswith("\nafter")
    assert "old" not in renewed
    assert report.with_block(renewed, block) == renewed
    with pytest.raises(ValueError, match="README"):
        report.with_block("no block", block)
