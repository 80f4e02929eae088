"""Writing what a bundle knows of the labels of its gallery, from a label set and a feature snapshot."""

import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from vitrail.contracts.features import IMAGE_FEATURES_FILE
from vitrail.contracts.gallery_labels import (
    FORMS_FILE,
    FORMS_SCHEMA,
    IMAGES_FILE,
    IMAGES_SCHEMA,
    NAMES_FILE,
    NAMES_SCHEMA,
)
from vitrail.contracts.index import ITEMS_FILE
from vitrail.contracts.labels import DICTIONARY_FILE
from vitrail.labels import open_labels

__all__ = ["write_gallery_labels"]

_log = logging.getLogger(__name__)


def write_gallery_labels(out: Path, *, labels: Path, features: Path, index: Path) -> None:
    """Writes the folder `out`, unless the label set was registered without its dictionary, as older ones were.

    Args:
        out: A new folder.
        labels: The label set, with or without the labels of single images.
        features: The feature snapshot that was made with it, with its offline half.
        index: The gallery.

    Raises:
        LabelError: The label set cannot be read.
    """
    if not (labels / DICTIONARY_FILE).is_file():
        _log.warning("%s has no %s: the endpoint will find nothing by text or label", labels, DICTIONARY_FILE)
        return
    out.mkdir()
    opened = open_labels(labels)
    names = opened.vocabulary().select(NAMES_SCHEMA.names)
    pq.write_table(names.cast(NAMES_SCHEMA), out / NAMES_FILE)
    pq.write_table(_forms(opened.dictionary(), opened.members()), out / FORMS_FILE)
    pq.write_table(_images(index / ITEMS_FILE, features / IMAGE_FEATURES_FILE), out / IMAGES_FILE)


def _forms(dictionary: pa.Table, members: pa.Table) -> pa.Table:
    """Accepted entries of the dictionary with the finest label that has their term; those of no label are left out."""
    finest_last = members.sort_by([("level", "descending")]).select(["term", "language", "label_id"]).to_pylist()
    label_of = {(row["term"], row["language"]): row["label_id"] for row in finest_last}
    accepted = dictionary.filter(pc.is_null(dictionary["reason"])).to_pylist()
    entries = [
        row | {"form": row["term"], "label_id": label_of.get((row["canonical"], row["language"]))} for row in accepted
    ]
    return pa.Table.from_pylist([entry for entry in entries if entry["label_id"] is not None], schema=FORMS_SCHEMA)


def _images(items: Path, features: Path) -> pa.Table:
    image_ids = pq.read_table(items, columns=["image_id"])["image_id"].combine_chunks()
    found = pq.read_table(features, columns=["image_id", "top_label_ids", "top_scores"]).combine_chunks()
    place = pc.index_in(image_ids, value_set=found["image_id"].combine_chunks())
    columns = [found[name].combine_chunks().take(place) for name in ("top_label_ids", "top_scores")]
    return pa.table(dict(zip(IMAGES_SCHEMA.names, columns, strict=True))).cast(IMAGES_SCHEMA)
