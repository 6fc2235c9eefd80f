"""The claims files: every entry complete, every mistake named."""

import re

import pytest

from theorylab.claims import catalogue, claim
from theorylab.claims.catalogue import CatalogueError

GOOD = """
title = "A question?"
source = "a paper"
[[claim]]
id = "XX-01"
title = "one"
statement = "$a<b$"
where = "Theorem 1"
printed = "true"
kind = "exact"
expected = "supported"
"""


def test_claims_of_this_checkout_are_well_formed():
    notebooks = catalogue.load()
    assert notebooks
    for notebook in notebooks.values():
        assert re.fullmatch(r"\d\d_[a-z0-9_]+", notebook.stem)
        assert notebook.title.endswith("?"), f"the title of {notebook.stem} is a question"
        assert 5 <= sum(entry.headline for entry in notebook.claims.values()) <= 8, notebook.stem
        for entry in notebook.claims.values():
            assert re.fullmatch(r"[A-Z]{2}-\d\d[a-z]?", entry.id)
            assert entry.corrects is None or entry.corrects in notebook.claims
        assert entry.printed in ("true", "not printed") or entry.remark, f"{entry.id} needs a remark"


def test_a_claim_renders_statement_source_and_printed_status(tmp_path):
    path = tmp_path / "99_x.toml"
    path.write_text(GOOD + 'remark = "as on the slide"\ncorrects = "XX-00"\n')
    shown = catalogue.read(path).claims["XX-01"]._repr_markdown_()
    for part in ("XX-01", "$a<b$", "Theorem 1", "true", "as on the slide", "XX-00", "exact"):
        assert part in shown


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace('kind = "exact"\n', ""), "XX-01: the field 'kind' is missing"),
        (lambda text: text.replace('"exact"', '"certain"'), "kind must be one of"),
        (lambda text: text.replace('"supported"', '"vacuous"'), "expected must be one of"),
        (lambda text: text.replace('"supported"', '"inconclusive"'), "needs a note"),
        (lambda text: text + "colour = 1\n", "unknown field 'colour'"),
        (lambda text: text + GOOD[GOOD.index("[[") :], "used twice"),
        (lambda text: text.replace('title = "A question?"\n', ""), "'title' is missing"),
        (lambda text: text[: text.index("[[")], "no \\[\\[claim\\]\\]"),
        (lambda text: text + "=", "not valid TOML"),
    ],
)
def test_mistakes_in_a_claims_file_are_named(tmp_path, change, message):
    path = tmp_path / "99_x.toml"
    path.write_text(change(GOOD))
    with pytest.raises(CatalogueError, match=rf"99_x\.toml.*{message}"):
        catalogue.read(path)


def test_missing_file_and_id_used_in_two_files(tmp_path):
    with pytest.raises(CatalogueError, match="missing"):
        catalogue.read(tmp_path / "98_y.toml")
    for name in ("98_y", "99_x"):
        (tmp_path / f"{name}.toml").write_text(GOOD)
    with pytest.raises(CatalogueError, match="already used in claims/98_y"):
        catalogue.load(tmp_path)


def test_unknown_id_suggests_known_ones():
    known = next(iter(next(iter(catalogue.load().values())).claims))
    with pytest.raises(KeyError, match=f"did you mean.*{known}"):
        claim(known + "x")
