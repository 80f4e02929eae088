"""What the routes answer: the shapes that the API documentation shows, and how they are filled."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel

__all__ = [
    "Annotation",
    "Classification",
    "Description",
    "Embedding",
    "GalleryImage",
    "Label",
    "LabelledImage",
    "NamedLabel",
    "NeighbourImage",
    "SearchResult",
    "TextSearchResult",
    "best_annotations",
    "describe_texts",
]


class Embedding(BaseModel):
    """A unit vector and its binary code (bit = value > 0, most significant bit first), in hexadecimal."""

    model_version: str
    embedding: list[float]
    code: str


class Annotation(BaseModel):
    """A weak label that may fit the image; `label_id` is stable over models, `output` is not."""

    task: str
    label: str
    label_id: int
    output: int
    probability: float


class Description(BaseModel):
    """Probabilities of every class by task, what a task's kind makes of them, and the most probable weak labels."""

    tasks: dict[str, dict[str, float]]
    summaries: dict[str, dict[str, float]]
    annotations: list[Annotation]


class Classification(Description):
    """Probabilities of every class by task, what a task's kind makes of them, and the most probable weak labels."""

    model_version: str


class Label(BaseModel):
    """A weak label that the texts of a catalogue image gave it, with its score."""

    label: str
    score: float


class GalleryImage(BaseModel):
    """An image of the gallery; `labels` and `num_texts` come from its texts, empty when it has none."""

    key: int
    image_id: str
    group: str
    domain: str | None
    thumbnail: str | None
    labels: list[Label]
    language: str | None
    num_texts: int


class NeighbourImage(GalleryImage):
    """An image of the gallery that looks like the query; `distance` in bits, `similarity` the share of equal bits."""

    similarity: float
    distance: int


class SearchResult(BaseModel):
    """The nearest images of the gallery, nearest first.

    `asked` are the gallery's images in the query, `described` its pictures when that was asked for, both in their
    order. `next_offset` is where the next page begins, null after the last.
    """

    model_version: str
    asked: list[GalleryImage]
    described: list[Description]
    neighbours: list[NeighbourImage]
    next_offset: int | None


class NamedLabel(BaseModel):
    """A weak label that the words of a query name; `label_id` is stable over label sets."""

    label: str
    label_id: int


class LabelledImage(GalleryImage):
    """An image that carries labels of the query; `score` is the mean of its scores for all of them."""

    score: float


class TextSearchResult(BaseModel):
    """The images of the gallery that carry the labels which a text names, best first.

    `labels` are those labels in the order of the text, `ignored` its words that name none. `next_offset` is where the
    next page begins, null after the last.
    """

    model_version: str
    labels: list[NamedLabel]
    ignored: list[str]
    images: list[LabelledImage]
    next_offset: int | None


def best_annotations(head: Any, probabilities: np.ndarray, k: int) -> list[dict[str, Any]]:
    """The k most probable weak labels of a head on weak labels, best first."""
    k = min(k, len(probabilities))
    best = np.argpartition(-probabilities, k - 1)[:k]
    return [
        {
            "task": head.name,
            "label": head.classes[output],
            "label_id": head.label_ids[output],
            "output": int(output),
            "probability": float(probabilities[output]),
        }
        for output in best[np.argsort(-probabilities[best], kind="stable")]
    ]


def describe_texts(features: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the online features say about a catalogue image; empty without text."""
    if features is None:
        return {"labels": [], "language": None, "num_texts": 0}
    scored = zip(features["top_labels"] or (), features["top_scores"] or (), strict=True)
    return {
        "labels": [{"label": label, "score": score} for label, score in scored],
        "language": features["language"],
        "num_texts": features["num_signals"],
    }
