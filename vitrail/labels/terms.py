"""The term table: what is known of each term of the dictionary, and the surface forms that are matched."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vitrail.labels.matching import Matcher

__all__ = ["Terms", "load_matcher", "load_terms", "save_surfaces", "save_terms"]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """T canonical terms, with the statistics of the dictionary's sample that scores rest on."""

    term: list[str]
    language: list[str]
    num_images: np.ndarray  # int64 [T] images of the sample that carry the term
    num_tokens: np.ndarray  # int64 [T]
    specificity: np.ndarray  # float32 [T] idf as a z-score among the terms of its language
    entropy: np.ndarray  # float32 [T] in [0, 1]: 1 when its images are of all topics alike
    query_rate: np.ndarray  # float32 [T] share of its images with a query that says it
    vector: np.ndarray  # float32 [T, D] unit vectors of the terms by the images they share
    label: np.ndarray  # int64 [T] number of the cluster
    closeness: np.ndarray  # float32 [T] mean overlap of its images with those of the other terms of the cluster


_ARRAYS = ("num_images", "num_tokens", "specificity", "entropy", "query_rate", "label", "closeness")


def save_terms(folder: Path, terms: Terms) -> None:
    """Writes terms.parquet and vectors.npy."""
    columns = {name: getattr(terms, name) for name in _ARRAYS}
    pq.write_table(pa.table({"term": terms.term, "language": terms.language, **columns}), folder / "terms.parquet")
    np.save(folder / "vectors.npy", terms.vector)


def load_terms(folder: Path) -> Terms:
    """Reads what `save_terms` wrote."""
    table = pq.read_table(folder / "terms.parquet")
    return Terms(
        term=table["term"].to_pylist(),
        language=table["language"].to_pylist(),
        vector=np.load(folder / "vectors.npy", mmap_mode="r"),
        **{name: table[name].to_numpy() for name in _ARRAYS},
    )


def save_surfaces(folder: Path, surfaces: list[tuple[str, ...]], term_of_surface: np.ndarray) -> None:
    """Writes surfaces.parquet: every form that is matched, and the number of the term it counts as."""
    tokens = pa.array([list(surface) for surface in surfaces], pa.list_(pa.string()))
    pq.write_table(pa.table({"tokens": tokens, "term": term_of_surface}), folder / "surfaces.parquet")


def load_matcher(folder: Path) -> tuple[Matcher, np.ndarray]:
    """The matcher over the surface forms, and the term number of each."""
    table = pq.read_table(folder / "surfaces.parquet")
    return Matcher(table["tokens"].to_pylist()), table["term"].to_numpy()
