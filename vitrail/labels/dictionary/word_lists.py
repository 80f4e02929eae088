"""Words and phrases that people have said something about: those of a language, and the user's."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["WordLists"]


@dataclass(frozen=True, kw_only=True)
class WordLists:
    """What people say about words: of the language, and in the files of the user.

    A user's term passes whatever the filters say; a user's variant counts as the term it is put on.
    """

    stop_words: Collection[str] = ()
    stop_phrases: Collection[tuple[str, ...]] = ()
    generic_words: Collection[str] = ()
    terms: Sequence[tuple[str, ...]] = ()
    rejected: Collection[tuple[str, ...]] = ()
    variants: Mapping[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)

    @property
    def wanted(self) -> list[tuple[str, ...]]:
        """What the user says is a term, or counts as one."""
        return list(dict.fromkeys([*self.terms, *self.variants, *self.variants.values()]))
