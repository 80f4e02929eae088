"""Finding images of the gallery by the labels that their texts gave them.

Shapes: N images, L labels, P pairs of an image and a label of it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from vitrail.contracts.gallery_labels import FORMS_FILE, IMAGES_FILE, NAMES_FILE
from vitrail.labels.arrays import row_of_each, to_offsets
from vitrail.labels.text.matching import Matches
from vitrail.labels.text.normalise import BREAK, TokenBatch, normalise_terms, tokenise
from vitrail.labels.text.surfaces import Surfaces

__all__ = ["GalleryLabels", "NamedLabels"]


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedLabels:
    """What a text names: labels by number, in its order, and its words that add none."""

    labels: tuple[int, ...]
    ignored: tuple[str, ...]


class GalleryLabels:
    """The labels of a gallery's images.

    Args:
        folder: Of a bundle (`vitrail.contracts.gallery_labels`).

    Attributes:
        names: Of the L labels; two may share one.
    """

    def __init__(self, folder: Path) -> None:
        table = pq.read_table(folder / NAMES_FILE)
        label_ids = table["label_id"].combine_chunks()
        self.names: list[str] = table["term"].to_pylist()
        self.label_ids: list[int] = label_ids.to_pylist()
        self._numbers: dict[str, list[int]] = {}
        for number, name in enumerate(self.names):
            self._numbers.setdefault(name, []).append(number)
        self._surfaces = _read_surfaces(folder / FORMS_FILE, label_ids)
        self._read_images(pq.read_table(folder / IMAGES_FILE).combine_chunks(), label_ids)

    def _read_images(self, images: pa.Table, label_ids: pa.Array) -> None:
        """Pairs ordered by label, then image."""
        lists = images["label_ids"].combine_chunks()
        lengths = pc.fill_null(lists.value_lengths(), 0).to_numpy(zero_copy_only=False)
        label = pc.index_in(lists.flatten(), value_set=label_ids).to_numpy(zero_copy_only=False)
        order = np.argsort(label, kind="stable")
        self._image = row_of_each(lengths)[order].astype(np.int32)
        self._score = images["scores"].combine_chunks().flatten().to_numpy()[order]
        self._offsets = to_offsets(np.bincount(label, minlength=len(self.names)))
        self._num_images = len(lists)

    def has_name(self, name: str) -> bool:
        """Whether a label is called so."""
        return name in self._numbers

    def has_one_of(self, names: Collection[str]) -> NDArray[np.bool_]:
        """Which images [N] have a label with one of the names."""
        mask = np.zeros(self._num_images, np.bool_)
        for name in names:
            for label in self._numbers.get(name, ()):
                mask[self._image[self._pairs(label)]] = True
        return mask

    def find(self, text: str) -> NamedLabels:
        """The labels that a text names, read as texts of images are: a phrase counts, not the phrases inside it.

        A form that several languages know counts as in most other words of the text, or as in most images.
        """
        tokens = tokenise(pa.array([text], pa.string())).tokens.to_pylist()
        words = [place for place, token in enumerate(tokens) if token != BREAK]
        less = [[*tokens[:place], BREAK, *tokens[place + 1 :]] for place in words]  # without one word each
        batch = TokenBatch(
            tokens=pa.array([token for row in (tokens, *less) for token in row], pa.large_string()),
            offsets=to_offsets(np.full(1 + len(less), len(tokens))),
        )
        matches = self._surfaces.find(batch, pa.nulls(1 + len(less), pa.string()))
        whole, *others = (_said(matches, row) for row in range(1 + len(less)))
        ignored = [tokens[place] for place, said in zip(words, others, strict=True) if said == whole]
        named = matches.term[(matches.text == 0) & ~matches.is_nested].tolist()
        return NamedLabels(labels=tuple(dict.fromkeys(named)), ignored=tuple(dict.fromkeys(ignored)))

    def score(self, labels: Sequence[int]) -> NDArray[np.float32]:
        """How much each image [N] is of some labels: the mean of its scores for them, 0 for those that it has not."""
        total = np.zeros(self._num_images, np.float32)
        for label in labels:
            pairs = self._pairs(label)
            total[self._image[pairs]] += self._score[pairs]
        return total / np.float32(max(1, len(labels)))

    def _pairs(self, label: int) -> slice:
        return slice(self._offsets[label], self._offsets[label + 1])


def _said(matches: Matches, row: int) -> list[tuple[int, bool]]:
    is_of = matches.text == row
    return sorted(zip(matches.term[is_of].tolist(), matches.is_nested[is_of].tolist(), strict=True))


def _read_surfaces(path: Path, label_ids: pa.Array) -> Surfaces:
    """What finds forms in texts; the number of a term is that of its label."""
    table = pq.read_table(path)
    return Surfaces(
        pa.table(
            {
                "tokens": pa.array(normalise_terms(table["form"].to_pylist()), pa.list_(pa.string())),
                "language": table["language"],
                "term": pc.index_in(table["label_id"].combine_chunks(), value_set=label_ids),
                "num_images": table["num_images"],
            }
        )
    )
