"""Kinds of text: one declaration each, and what it decides everywhere."""

import pytest

from builders import REPOSITORY
from vitrail.contracts import text_sources
from vitrail.contracts.text_sources import TEXT_SOURCES, TextSource, source_of_column, source_trust


def test_no_two_kinds_claim_one_name_or_column():
    claimed = [name for source in TEXT_SOURCES for name in (source.name, *source.columns)]
    assert len(set(claimed)) == len(claimed)


def test_every_kind_is_documented():
    page = (REPOSITORY / "docs" / "labels.md").read_text(encoding="utf-8")
    for source in TEXT_SOURCES:
        assert f"| `{source.name}` | {', '.join(f'`{column}`' for column in source.columns)}" in page


@pytest.mark.parametrize("name", ["", "Title", "2d", "a b", "a-b", "../x", "x" * 65])
def test_a_name_that_is_no_plain_identifier_is_refused(name):
    with pytest.raises(ValueError, match="a name is a lower-case letter"):
        TextSource(name=name)


@pytest.mark.parametrize("trust", [-0.1, 1.1, float("nan")])
def test_a_trust_that_is_no_share_is_refused(trust):
    with pytest.raises(ValueError, match="use a value from 0 to 1"):
        TextSource(name="comment", trust=trust)


def test_a_kind_is_one_declaration(monkeypatch):
    comment = TextSource(name="comment", columns=("remark",), is_list=True, trust=0.5)
    monkeypatch.setattr(text_sources, "TEXT_SOURCES", (*TEXT_SOURCES, comment))
    assert source_of_column("remark") is source_of_column("comment") is comment
    assert source_of_column("remarks") is None
    assert source_trust("comment", {}) == 0.5
    assert source_trust("comment", {"comment": 0.9}) == 0.9  # a recipe knows better
    assert source_trust("a column nobody declared", {}) == 1
