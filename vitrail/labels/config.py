"""What a label derivation can be told."""

import itertools
from dataclasses import dataclass, field, replace
from typing import Literal

from vitrail.config import Config, require
from vitrail.labels.text.encoder import DEFAULT_ENCODER

__all__ = ["Aggregation", "Clustering", "Engine", "LabelsConfig"]

Aggregation = Literal["noisy_or", "log_mean", "sum"]
Clustering = Literal["agglomerative", "kmeans", "hdbscan", "none"]
Engine = Literal["native", "ray"]


@dataclass(frozen=True, kw_only=True)
class LabelsConfig(Config):
    """From text signals to a label set.

    Attributes:
        encoder: Sentence encoder of the vocabulary: a packaged, cached or local sentence-transformers model.
        encoder_languages: Languages (ISO 639-1) the encoder was trained on.
        dictionary_files: Files with one entry a line, by which the filters are overruled: `phrase` is a term,
            `variant = phrase` counts as one, `- phrase` is none.
        sample_signals: The dictionary is built from at most about this many texts (whole posts, chosen by
            hash).
        max_ngram: Longest phrase, in words.
        min_term_images: Images of the sample a phrase must describe to become a term.
        max_image_share: A phrase on more than this share of the images is boilerplate, not a description;
            images with the same words count as one.
        source_weights: Trust in a source of text, 0 to 1; others count as their kind is declared, or 1.
        judgements: Judged (image, phrase) pairs of this corpus (`vitrail labels judge`) to train boosted trees on,
            which then score.
        scorer: Boosted trees (XGBoost JSON) trained before, scorer.json of a label set; without both, the heuristic
            scores.
        aggregation: How posts that share an image add up.
        clustering: How terms of one meaning are grouped into labels; with `none` each is one, at a single level, and
            those on fewer than min_images are dropped.
        cluster_threshold: Least average similarity inside a cluster (agglomerative).
        num_clusters: Number of clusters (kmeans); None takes half the number of terms.
        top_k: Labels an image keeps.
        min_score: Least score of a kept label.
        min_images: Images of the sample a label must have; rarer ones join their like until they have.
        coarser_levels: The same at each coarser level of the hierarchy, ascending: a rare term counts in a label of
            every level, one that is frequent enough for a level is its own label there.
        max_churn: With a previous label set, the share of term mentions that may change their label; None:
            any. Labels that passed a limit are not held against a lower one later.
        votes: Whether votes (provenance) are written.
        engine: Daft's native engine or Ray; the output is the same.
    """

    encoder: str = DEFAULT_ENCODER
    encoder_languages: tuple[str, ...] = ("en",)
    dictionary_files: tuple[str, ...] = ()
    sample_signals: int = 2_000_000
    max_ngram: int = 6
    min_term_images: int = 2
    max_image_share: float = 0.25
    source_weights: dict[str, float] = field(default_factory=dict)
    judgements: str | None = None
    scorer: str | None = None
    aggregation: Aggregation = "noisy_or"
    clustering: Clustering = "agglomerative"
    cluster_threshold: float = 0.7
    num_clusters: int | None = None
    top_k: int = 32
    min_score: float = 0.05
    min_images: int = 2
    coarser_levels: tuple[int, ...] = (10,)
    max_churn: float | None = None
    votes: bool = True
    engine: Engine = "native"

    def __post_init__(self) -> None:
        require(1 <= self.max_ngram <= 6, "max_ngram", self.max_ngram, "use 1 to 6 words")
        require(self.sample_signals > 0, "sample_signals", self.sample_signals, "use a positive number of texts")
        require(self.min_term_images >= 1, "min_term_images", self.min_term_images, "use at least 1")
        require(0 < self.max_image_share <= 1, "max_image_share", self.max_image_share, "use a share in (0, 1]")
        require(
            all(0 <= weight <= 1 for weight in self.source_weights.values()),
            "source_weights",
            self.source_weights,
            "use weights from 0 to 1",
        )
        require(
            self.scorer is None or self.judgements is None,
            "scorer",
            self.scorer,
            "leave it out: judgements are given, and train another",
        )
        require(0 < self.cluster_threshold <= 1, "cluster_threshold", self.cluster_threshold, "use (0, 1]")
        require(
            self.num_clusters is None or self.num_clusters > 0,
            "num_clusters",
            self.num_clusters,
            "use a positive number",
        )
        require(1 <= self.top_k <= 100, "top_k", self.top_k, "use 1 to 100 labels an image")
        require(0 <= self.min_score <= 1, "min_score", self.min_score, "use a score from 0 to 1")
        require(
            self.max_churn is None or 0 <= self.max_churn <= 1,
            "max_churn",
            self.max_churn,
            "use a share from 0 to 1",
        )
        require(self.min_images >= 1, "min_images", self.min_images, "use at least 1")
        sizes = [self.min_images, *self.coarser_levels]
        is_ascending = all(finer < coarser for finer, coarser in itertools.pairwise(sizes))
        require(is_ascending, "coarser_levels", self.coarser_levels, "use ascending numbers above min_images")

    @property
    def output_digest(self) -> str:
        """Digest of what the output depends on: not the engine, nor the limit that the output is held against."""
        return replace(self, engine="native", max_churn=None).digest
