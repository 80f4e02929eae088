"""WordNet 3.0 (Miller 1995) from Debian's package `wordnet-base`: first senses of nouns, and names of all synsets."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vitrail.corpus.build.debian_packages import DebianPackage, unpacked

__all__ = ["WordNet", "open_wordnet", "read_wordnet"]

_PACKAGE = DebianPackage(
    name="wordnet-base",
    version="1:3.0-37",
    sha256="61060d960f9ada8fa120872312eccd3ecebfbab8c4579e4f5a74e1cf67620752",
)
_PARTS_OF_SPEECH = ("noun", "verb", "adj", "adv")
_ENDINGS = (  # morphy(7WN), nouns: an ending and what it stands for
    ("s", ""),
    ("ses", "s"),
    ("xes", "x"),
    ("zes", "z"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("men", "man"),
    ("ies", "y"),
)


@dataclass(frozen=True, kw_only=True)
class WordNet:
    """What peers ask of WordNet; words in lower case, with spaces."""

    senses: dict[str, str]  # noun: its first sense, as the offset of a noun synset
    names: dict[str, str]  # noun synset by offset: its first word
    exceptions: dict[str, str]  # irregular forms of nouns: the base form
    entries: frozenset[str]  # first words of the synsets of all parts of speech

    def noun_sense(self, word: str) -> str | None:
        """The synset that a word means first as a noun, in the singular or the plural; None when it is no noun."""
        exception = self.exceptions.get(word)
        if exception in self.senses:
            return self.senses[exception]
        bases = [word, *(word.removesuffix(old) + new for old, new in _ENDINGS if word.endswith(old))]
        return next((self.senses[base] for base in bases if base in self.senses), None)


@functools.cache
def open_wordnet(cache: Path) -> WordNet:
    """WordNet from its package, which apt downloads unless the cache has it.

    Raises:
        CorpusError: It cannot be downloaded, or is another one.
    """
    with unpacked([_PACKAGE], cache, "WordNet") as root:
        return read_wordnet(root / "usr" / "share" / "wordnet")


def read_wordnet(folder: Path) -> WordNet:
    """Reads the files of WordNet's database (wndb(5WN)): index.noun, data.*, noun.exc."""
    names = {part: dict(_synset_names(folder / f"data.{part}")) for part in _PARTS_OF_SPEECH}
    exceptions = (line.split() for line in (folder / "noun.exc").read_text(encoding="utf-8").splitlines())
    return WordNet(
        senses=dict(_first_senses(folder / "index.noun")),
        names=names["noun"],
        exceptions={_readable(form): _readable(base) for form, base, *_ in exceptions},
        entries=frozenset(name for part in names.values() for name in part.values()),
    )


def _first_senses(path: Path) -> Iterator[tuple[str, str]]:
    """Lemma, part of speech, number of synsets, ...; the last fields are the synsets, the most frequent sense first."""
    for fields in _records(path):
        yield _readable(fields[0]), fields[-int(fields[2])]


def _synset_names(path: Path) -> Iterator[tuple[str, str]]:
    """Offset, file number, type, number of words, first word, ..."""
    for fields in _records(path):
        yield fields[0], _readable(fields[4].partition("(")[0])  # adjectives can have a marker: galore(ip)


def _records(path: Path) -> Iterator[list[str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("  "):  # the licence
            yield line.split()


def _readable(word: str) -> str:
    return word.replace("_", " ").lower()
