"""The glossary names the module that owns each word, and the README leads to it."""

import re

from builders import REPOSITORY

PAGE = (REPOSITORY / "docs" / "glossary.md").read_text()
ROWS = re.findall(r"^\| (.+?) \| (.+?) \| `(.+?)` \|$", PAGE, flags=re.MULTILINE)


def test_every_word_has_a_meaning_and_an_owner_that_exists():
    assert len(ROWS) >= 25
    assert len(ROWS) == PAGE.count("\n| ") - PAGE.count("| word |")
    assert [owner for *_, owner in ROWS if not (REPOSITORY / owner).is_file()] == []


def test_a_word_is_explained_once():
    words = [word for word, *_ in ROWS]
    assert len(set(words)) == len(words)


def test_readme_leads_to_it():
    assert "(docs/glossary.md)" in (REPOSITORY / "README.md").read_text()
