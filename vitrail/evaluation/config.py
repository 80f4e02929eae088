"""Configuration of the index and of the evaluation."""

from dataclasses import dataclass

from vitrail.config import Config, require

__all__ = ["EvaluationConfig", "IndexConfig"]


@dataclass(frozen=True, kw_only=True)
class IndexConfig(Config):
    """How the gallery is embedded and indexed.

    Attributes:
        connectivity: Edges per node of the graph (M of HNSW).
        expansion_add: Candidates looked at when an item is added (efConstruction).
        expansion_search: Candidates looked at by a search (ef).
        num_threads: Of graph building; with one the file is the same in every run.
        thumbnail_size: Pixels per side; 0 stores none.
        thumbnail_quality: Of WebP, 1 to 100.
        batch_size: Images per inference call.
        num_workers: Processes that decode images; 0 decodes in this one.
        device: Of inference; `cuda` takes every GPU there is, `cuda:0` the first.
    """

    connectivity: int = 16
    expansion_add: int = 128
    expansion_search: int = 128
    num_threads: int = 1
    thumbnail_size: int = 96
    thumbnail_quality: int = 80
    batch_size: int = 128
    num_workers: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        for field in ("expansion_add", "expansion_search", "num_threads", "batch_size"):
            require(getattr(self, field) > 0, field, getattr(self, field), "give 1 or more")
        require(self.connectivity > 1, "connectivity", self.connectivity, "give 2 or more")
        require(self.num_workers >= 0, "num_workers", self.num_workers, "give 0 or more")
        require(0 <= self.thumbnail_size <= 1024, "thumbnail_size", self.thumbnail_size, "give 0 to 1024")
        require(1 <= self.thumbnail_quality <= 100, "thumbnail_quality", self.thumbnail_quality, "give 1 to 100")


@dataclass(frozen=True, kw_only=True)
class EvaluationConfig(Config):
    """How a model is measured.

    Attributes:
        num_resamples: Bootstrap replicates behind each interval.
        seed: Of the bootstrap and of the choice of queries.
        ranks: Each k of precision, recall and hits among the first k of a retrieval; the first is 1.
        max_queries: Of a direction of a retrieval; where there are more, so many are drawn, and the interval is theirs.
        min_slice_units: Slices with fewer test units are folded into `other`.
        num_pictured_queries: Queries of each retrieval task kept with their neighbours for the report.
        num_pictured_neighbours: Neighbours kept of each.
        batch_size: Images per inference call.
        num_workers: Processes that decode images; 0 decodes in this one.
        device: Of inference; `cuda` takes every GPU there is, `cuda:0` the first.
    """

    num_resamples: int = 1000
    seed: int = 0
    ranks: tuple[int, ...] = (1, 5, 10)
    max_queries: int = 20_000
    min_slice_units: int = 20
    num_pictured_queries: int = 16
    num_pictured_neighbours: int = 6
    batch_size: int = 128
    num_workers: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        require(self.num_resamples >= 100, "num_resamples", self.num_resamples, "give 100 or more")
        is_rising = self.ranks[:1] == (1,) and list(self.ranks) == sorted(set(self.ranks))
        require(is_rising, "ranks", self.ranks, "give rising numbers, of which the first is 1")
        for field in ("max_queries", "min_slice_units", "num_pictured_neighbours", "batch_size"):
            require(getattr(self, field) > 0, field, getattr(self, field), "give 1 or more")
        for field in ("seed", "num_pictured_queries", "num_workers"):
            require(getattr(self, field) >= 0, field, getattr(self, field), "give 0 or more")
