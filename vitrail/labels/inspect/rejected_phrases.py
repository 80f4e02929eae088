"""Lists of the phrases that are no terms, by the reason."""

import pyarrow as pa
import pyarrow.compute as pc

from vitrail.errors import LabelError
from vitrail.labels.dictionary.rejections import REASONS
from vitrail.labels.label_set.opened import LabelSet

__all__ = ["list_rejections"]


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
