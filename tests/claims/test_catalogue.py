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
who = "authors"
quote = "it holds for every a and b"
reading = "for all reals"
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


def test_a_claim_renders_quote_reading_statement_and_printed_status(tmp_path):
    path = tmp_path / "99_x.toml"
    path.write_text(GOOD + 'remark = "as on the slide"\ncorrects = "XX-00"\n')
    shown = catalogue.read(path).claims["XX-01"]._repr_markdown_()
    order = ["XX-01", "Theorem 1", "it holds for every", "for all reals", "$a<b$", "as on the slide", "XX-00", "exact"]
    assert sorted(order, key=shown.index) == order
    short = str(catalogue.read(path).claims["XX-01"].short)
    assert all(text in short for text in ("XX-01", "$a<b$", "Theorem 1", "it holds for every"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace('kind = "exact"\n', ""), "XX-01: the field 'kind' is missing"),
        (lambda text: text.replace('"exact"', '"certain"'), "kind must be one of"),
        (lambda text: text.replace('"supported"', '"vacuous"'), "expected must be one of"),
        (lambda text: text.replace('"supported"', '"inconclusive"'), "needs a note"),
        (lambda text: text + "colour = 1\n", "unknown field 'colour'"),
        (lambda text: text.replace('who = "authors"\n', ""), "XX-01: the field 'who' is missing"),
        (lambda text: text.replace('"authors"', '"somebody"'), "who must be one of"),
        (lambda text: re.sub("quote = .*\n", "", text), "the field 'quote' is missing"),
        (lambda text: re.sub("reading = .*\n", "", text), "the field 'reading' is missing"),
        (lambda text: text.replace("it holds", "it holds " + 25 * "so "), "at most 25 words, this one has 32"),
        (
            lambda text: text.replace('"authors"', '"own"').replace("supported", "contradicted"),
            "nobody is contradicted",
        ),
        (lambda text: text + 'headline = "no"\n', "headline must be true or false"),
        (lambda text: text.replace('title = "one"', "title = 5"), "title must be text"),
        (lambda text: text.replace("[[", "[withdrawn]\nXX-02 = 3\n[["), "withdrawn"),
        (lambda text: text.replace("[[", '[withdrawn]\nXX-01 = "nobody said it"\n[['), "is withdrawn"),
        (lambda text: text + GOOD[GOOD.index("[[") :], "used twice"),
        (lambda text: text.replace('title = "A question?"\n', ""), "'title' must be text"),
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


def test_a_file_in_another_encoding_is_named(tmp_path):
    (tmp_path / "99_x.toml").write_bytes(GOOD.replace("a paper", "Gr\u00fcn").encode("latin-1"))
    with pytest.raises(CatalogueError, match="not UTF-8"):
        catalogue.read(tmp_path / "99_x.toml")


def test_withdrawn_ids_are_kept_with_their_reason_and_never_used_again(tmp_path):
    text = GOOD.replace("[[", '[withdrawn]\nXX-00 = "nobody said it"\n[[')
    (tmp_path / "98_y.toml").write_text(text)
    assert catalogue.read(tmp_path / "98_y.toml").withdrawn == {"XX-00": "nobody said it"}
    (tmp_path / "99_x.toml").write_text(GOOD.replace("XX-01", "XX-00"))
    with pytest.raises(CatalogueError, match="XX-00 is already used in claims/98_y"):
        catalogue.load(tmp_path)


def test_an_id_copied_from_a_table_is_understood():
    known = next(iter(next(iter(catalogue.load().values())).claims))
    assert claim(known.replace("-", "\N{NON-BREAKING HYPHEN}")).id == known


def test_unknown_id_suggests_known_ones():
    known = next(iter(next(iter(catalogue.load().values())).claims))
    with pytest.raises(KeyError, match=f"did you mean.*{known}"):
        claim(known + "x")
