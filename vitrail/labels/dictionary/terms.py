"""The term table: what is known of each term of the dictionaries."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["Terms", "load_terms", "save_terms"]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """T canonical terms, with the statistics of the dictionary's sample that scores rest on.

    Two terms of one name are of two languages.
    """

    term: list[str]
    language: list[str]
    num_images: np.ndarray  # int64 [T] images of the sample that carry the term
    num_tokens: np.ndarray  # int64 [T]
    specificity: np.ndarray  # float32 [T] idf as a z-score among the terms of its language
    entropy: np.ndarray  # float32 [T] in [0, 1]: 1 when its images are of all topics alike
    query_rate: np.ndarray  # float32 [T] share of its images with a query that says it
    vector: np.ndarray  # float32 [T, D] unit vectors of the terms by the images they share
    label: np.ndarray  # int64 [V, T] its label at each of V levels, the finest and rarest first; -1: that of the finer
    closeness: np.ndarray  # float32 [V, T] mean overlap of its images with those of the other terms of the label

    @property
    def label_levels(self) -> np.ndarray:
        """int64 [V, L]: what `label` says of terms, of each of the L labels of the finest level."""
        levels = np.empty((len(self.label), int(self.label[0].max(initial=-1)) + 1), dtype=np.int64)
        levels[:, self.label[0]] = self.label  # the terms of a label are together at all coarser levels
        return levels


_ARRAYS = ("num_images", "num_tokens", "specificity", "entropy", "query_rate")
_BY_LEVEL = ("label", "closeness")


def save_terms(terms: Terms, table: Path, vectors: Path) -> None:
    """Writes the term table as Parquet, and the vectors of the terms as an array file."""
    columns = {name: getattr(terms, name) for name in _ARRAYS}
    for name in _BY_LEVEL:
        columns |= {f"{name}_{level}": values for level, values in enumerate(getattr(terms, name))}
    pq.write_table(pa.table({"term": terms.term, "language": terms.language, **columns}), table)
    np.save(vectors, terms.vector)


def load_terms(table: Path, vectors: Path) -> Terms:
    """Reads what `save_terms` wrote."""
    columns = pq.read_table(table)
    num_levels = sum(name.startswith(_BY_LEVEL[0]) for name in columns.column_names)
    by_level = {
        name: np.stack([columns[f"{name}_{level}"].to_numpy() for level in range(num_levels)]) for name in _BY_LEVEL
    }
    return Terms(
        term=columns["term"].to_pylist(),
        language=columns["language"].to_pylist(),
        vector=np.load(vectors, mmap_mode="r"),
        **{name: columns[name].to_numpy() for name in _ARRAYS},
        **by_level,
    )
