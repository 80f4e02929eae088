"""Why phrases are not in the dictionary."""

import pyarrow as pa
import pyarrow.compute as pc

from vitrail.errors import LabelError
from vitrail.labels.label_set.opened import LabelSet

__all__ = ["REASONS", "list_rejections"]

REASONS = {
    "rare": "on fewer than min_term_images images",
    "boilerplate": "on more than max_image_share of the descriptions",
    "copied": "only in one text that lies on several images",
    "series": "only in the captions of a machine-made series",
    "generic": "speaks of pictures as such: icon, image, theme, idea",
    "stop_word": "function words and parts of addresses only",
    "fragment": "begins or ends with a stop word, or is nearly always inside one longer term",
    "accidental": "words that meet by chance",
    "misspelling": "rare, and one slip away from a far more frequent word",
    "character": "one character of a script without spaces that does not stand alone",
    "letter": "a single letter",
    "number": "numbers only, or several of them",
    "user": "a dictionary file says so",
}


def list_rejections(labels: LabelSet, reason: str | None = None, language: str | None = None) -> pa.Table:
    """Rejected candidates (DICTIONARY_SCHEMA), by reason, most images first.

    Raises:
        LabelError: There is no such reason.
    """
    if reason is not None and reason not in REASONS:
        raise LabelError(f"no phrase is rejected for {reason!r}; reasons are {', '.join(REASONS)}")
    table = labels.dictionary()
    table = table.filter(pc.is_valid(table["reason"]))
    for name, value in (("reason", reason), ("language", language)):
        if value is not None:
            table = table.filter(pc.equal(table[name], value))
    return table.sort_by([("reason", "ascending"), ("num_images", "descending"), ("term", "ascending")])
