"""Which icon sets may be used: permissive licences, and neither emoji, flags nor logos."""

import re

from vitrail.corpus.build.icons.sets import SetInfo

__all__ = ["why_refused"]

# CC BY asks for the author's name, which the card of the corpus gives.
_PERMISSIVE = frozenset(
    {"Apache-2.0", "BSD-3-Clause", "CC-BY-3.0", "CC-BY-4.0", "CC0-1.0", "ISC", "MIT", "OFL-1.1", "Unlicense"}
)
_REFUSED_KINDS = {
    "Emoji": "a set of emoji",
    "Logos": "a set of logos",
    "Programming": "a set of logos of programs and file types",
}
_REFUSED_TITLES = re.compile(r"emoji|flags?\b|flagpack|brands?\b|logos?\b", re.IGNORECASE)
_REFUSED_SETS = {
    "academicons": "a set of logos of academic services",
    "devicon-line": "a set of logos of programs",
    "devicon-original": "a set of logos of programs",
}
_ACCEPTED_SETS = frozenset({"codicon"})  # shelved beside logos, but the symbols of an editor


def why_refused(info: SetInfo) -> str | None:
    """Why a set is not used; None when it is."""
    if info.licence not in _PERMISSIVE:
        return f"licence {info.licence} is not permissive"
    if info.prefix in _ACCEPTED_SETS:
        return None
    if info.kind in _REFUSED_KINDS:
        return _REFUSED_KINDS[info.kind]
    if _REFUSED_TITLES.search(info.title):
        return "a set of emoji, flags or logos by its title"
    return _REFUSED_SETS.get(info.prefix)
