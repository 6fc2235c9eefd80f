"""Mutants: every kind of change is found, is made once, and is seen by whoever imports the module afterwards."""

import ast
import subprocess
import sys

import pytest

from tests import mutation, seeds
from tests.mutants import candidates, compiled_lines
from tests.mutation import Mutant, changes, mutants
from tests.sections import ROOT, Found, unexpected

MODULE = "theorylab.spectral.ranks"


def made(code: str) -> list[str]:
    """All mutants of a piece of code, as code."""
    count = len(list(changes(ast.parse(code))))
    texts = []
    for number in range(count):
        tree = ast.parse(code)
        list(changes(tree))[number][2]()
        texts.append(ast.unparse(ast.fix_missing_locations(tree)))
    return texts


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("a + b", {"a - b", "a", "b"}),
        ("a / b", {"a * b", "a"}),
        ("a < b", {"a <= b", "a > b"}),
        ("2", {"3"}),
        ("0.5", {"0.505"}),
        ("-x", {"x"}),
        ("f(a, b)", {"f(b, a)"}),
        ("torch.amax(a, dim)", {"torch.amax(dim, a)", "torch.amin(a, dim)"}),
        ("for x in y:\n    z", {"for x in y:\n    z\n    break"}),
        ("x += y", {"pass"}),
        ("raise ValueError(f'{a + b}', 1)", set()),
        ("'text'", set()),
    ],
)
def test_every_kind_of_change_is_made_and_no_other(code, expected):
    assert set(made(code)) == expected


def test_an_early_return_replaces_the_condition_only():
    assert made("def f(x):\n    if x:\n        return x\n    return y") == [
        "def f(x):\n    if True:\n        return x\n    return y"
    ]


def test_every_mutant_of_a_module_compiles_and_changes_something():
    found = mutants(MODULE)
    assert len(found) > 5
    for mutant in found:
        compile(mutation.mutated(mutant), "mutant", "exec")
        assert mutation.diff(mutant)
    assert [mutant.number for mutant in found] == list(range(len(found)))


def test_a_changed_module_is_what_is_imported():
    mutant = next(each for each in mutants(MODULE) if each.what == "factor dropped" or each.what == "operator")
    code = (
        "import json, os, torch; from tests import mutation; from tests.mutation import Mutant;"
        "from theorylab.spectral import stable_rank, nuclear_rank; A = torch.diag(torch.tensor([3.0, 2.0]));"
        "before = float(stable_rank(A)), float(nuclear_rank(A));"
        "mutation.install(Mutant(**json.loads(os.environ[mutation.VARIABLE])));"
        "from theorylab.spectral import stable_rank, nuclear_rank;"
        "print(before != (float(stable_rank(A)), float(nuclear_rank(A))))"
    )
    import os

    env = {**os.environ, **mutation.environment(mutant)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=env)
    assert done.stdout.strip() == "True", done.stderr


def test_candidates_are_the_executed_lines_with_their_sections():
    line = mutants(MODULE)[0].line
    found = candidates({MODULE: {line: {2, 3}}})
    assert found
    assert all(mutant.line == line and numbers == {2, 3} for mutant, numbers in found)
    # Lines that run when the module is imported concern every section.
    assert all(not numbers for _, numbers in candidates({MODULE: {line: {0}}}))


def test_lines_that_numba_compiles_are_known():
    assert compiled_lines("theorylab.studies.projected_sgd_clt.kernels")
    assert not compiled_lines(MODULE)


def test_a_verdict_counts_before_an_error_of_the_same_cell():
    found = Found({"A": {"outcome": "vacuous"}}, ["ValueError: x"])
    assert unexpected(found, {"A": "supported"}) == "verdict: A is vacuous"
    assert unexpected(Found({"A": {"outcome": "supported"}}, []), {"A": "supported"}) is None
    assert unexpected(Found({}, ["ValueError: x"]), {}) == "ValueError: x"


def test_seeds_are_read_and_the_limit_is_exact():
    assert seeds.numbers("1-3,7") == [1, 2, 3, 7]
    assert seeds.upper_limit(0, 100) == pytest.approx(1 - 0.05 ** (1 / 100))
    assert seeds.upper_limit(5, 5) == 1


def test_a_file_that_changed_since_the_sample_is_refused():
    with pytest.raises(LookupError, match="changed since"):
        mutation.mutated(Mutant(MODULE, 1, 10**6, "x"))
