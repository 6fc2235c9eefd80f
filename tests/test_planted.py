"""Every planted bug turns a verdict red; without one, every verdict is as expected."""

import functools
import json
import os
import subprocess
import sys

import pytest

from tests.planted import sample
from tests.planted.run import SOUND, tables
from tests.sections import MATH_THREADS, ROOT
from theorylab.claims import catalogue

TABLES = tables()
PLANTED = sample.today() or {stem: list(range(len(bugs))) for stem, bugs in TABLES.items()}
# A bug must change what the code finds. One that only breaks the call was planted wrongly and shows nothing.
BROKEN_CALL = ("TypeError", "NameError", "AttributeError", "ImportError", "ModuleNotFoundError", "SyntaxError")


@functools.cache
def found(stem: str) -> dict:
    """Outcomes of all runs of a notebook by the number of the bug, and without one."""
    threads = dict.fromkeys(MATH_THREADS, "1")
    command = [sys.executable, "-m", "tests.planted.run", stem, SOUND, *map(str, PLANTED[stem])]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **threads})
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("stem", TABLES)
def test_table_is_large_enough_and_hits_every_headline(stem):
    claims = catalogue.load()[stem].claims
    hit = {id for bug in TABLES[stem] for id in bug.claims}
    assert len(TABLES[stem]) >= min(8, 2 * len(claims))
    assert hit <= set(claims)
    assert {claim.id for claim in claims.values() if claim.headline} <= hit


@pytest.mark.parametrize("stem", TABLES)
def test_without_a_bug_every_outcome_is_as_expected(stem):
    claims, result = catalogue.load()[stem].claims, found(stem)[SOUND]
    assert not result["errors"]
    unexpected = {
        id: result["outcomes"].get(id) for id, claim in claims.items() if result["outcomes"].get(id) != claim.expected
    }
    assert not unexpected


@pytest.mark.parametrize(
    ("stem", "number"),
    [pytest.param(stem, n, id=f"{stem}: {TABLES[stem][n].name}") for stem, chosen in PLANTED.items() for n in chosen],
)
def test_bug_turns_a_verdict_red(stem, number):
    bug, result, claims = TABLES[stem][number], found(stem)[str(number)], catalogue.load()[stem].claims
    broken = [error for error in result["errors"] if error.startswith(BROKEN_CALL)]
    if result["errors"] and not result["errors"][0].startswith(BROKEN_CALL):
        # The measurement itself gave up (no convergence, say), and the cells after it miss its names.
        broken = [error for error in broken if not error.startswith("NameError")]
    for id in bug.claims:
        outcome = result["outcomes"].get(id)
        assert outcome != claims[id].expected, f"{id} is still {outcome} with the bug planted"
        assert outcome is not None or not broken, f"{id} has no verdict because a call broke: {broken}"


@pytest.mark.parametrize("count", [1, 2, 3, 8, 17])
def test_a_sample_is_small_and_every_bug_has_its_day(count):
    days = [sample.rotated(count, day) for day in range(100, 100 + count)]
    assert all(1 <= len(day) <= 2 * sample.EACH_DAY for day in days)
    assert {number for day in days for number in day} == set(range(count))
