"""Label sets by the recipes of other papers, to be pretrained on beside our own.

    python benchmarks/peer_labels.py --corpus data/emoji --out peers [--peer NAME]

Each is an ordinary label set in OUT/NAME, which `pretrain_backbone` and `vitrail study --label-set` take:

    raw-keywords    every keyword, or where a corpus has none every word
    superclass      every subword, weighted by rarity (arXiv 2411.03313)
    catlip          WordNet nouns in their first sense (arXiv 2404.15653)
    metaclip        matches with a dictionary, frequent entries sampled down (arXiv 2309.16671)

WordNet comes from the Debian package wordnet-base. A line a peer says how many labels there are and how many images
have some; where pictures were judged (benchmarks/judgements), also how often a judged first label is right.
Expected on 2 cores: half a minute for emoji.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from first_labels import JUDGEMENTS, first_labels, known_judgements, marks
from peers.catlip import catlip
from peers.keywords import raw_keywords
from peers.label_set import PeerLabels, write_label_set
from peers.metaclip import metaclip
from peers.superclass import superclass
from peers.texts import read_texts
from peers.wordnet import open_wordnet
from vitrail.corpus import open_corpus
from vitrail.errors import VitrailError
from vitrail.labels import LabelSet

__all__ = ["PEERS", "describe", "peer_labels"]

PEERS = ("raw-keywords", "superclass", "catlip", "metaclip")
MIN_IMAGES = 2  # the fewest that a label can be learnt from
OWN_ARMS = "emoji-by-eye.csv"  # judges no peer but raw keywords: of others it knows the labels that we give too


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="a folder; each peer's label set is one in it")
    parser.add_argument("--peer", choices=PEERS, help="only this one")
    options = parser.parse_args()
    try:
        write_peers(options.corpus, options.out, [options.peer] if options.peer else PEERS)
    except VitrailError as error:
        sys.exit(str(error))


def write_peers(corpus_folder: Path, out: Path, names: Sequence[str]) -> None:
    corpus = open_corpus(corpus_folder)
    texts = read_texts(corpus)
    judged = known_judgements(*(path.name for path in sorted(JUDGEMENTS.glob("*.csv")) if path.name != OWN_ARMS))
    for name in names:
        labels = peer_labels(name, texts, out / "downloads")
        labelled = write_label_set(out / name, corpus, labels)
        print(describe(name, labelled, judged if name != "superclass" else {}), flush=True)  # parts of words say little


def peer_labels(name: str, texts: pl.DataFrame, cache: Path, min_images: int = MIN_IMAGES) -> PeerLabels:
    """The labels of one of PEERS.

    Args:
        name: Of the peer.
        texts: From `read_texts`.
        cache: Where Debian's packages are kept.
        min_images: Images that a label must be on, where the recipe has such a limit.
    """
    if name == "raw-keywords":
        return raw_keywords(texts, min_images)
    if name == "superclass":
        return superclass(texts)
    recipe = {"catlip": catlip, "metaclip": metaclip}[name]
    return recipe(texts, open_wordnet(cache), min_images)


def describe(name: str, labels: LabelSet, judged: dict[tuple[str, str], bool]) -> str:
    """One line: labels, images that have some, labels of these, and first labels judged right."""
    manifest, pairs = labels.manifest, int(np.sum(labels.vocabulary()["frequency"].to_numpy()))
    line = (
        f"{name:<14}{manifest.num_labels:>8,} labels  {manifest.num_images_labelled:>8,} of {manifest.num_images:,} "
        f"images  {pairs / manifest.num_images_labelled:>6.1f} labels an image"
    )
    first = first_labels(labels)
    known = np.array([mark for mark in marks(first, list(first), judged) if not np.isnan(mark)])
    return f"{line}  first label right {known.mean():.2f} of {len(known)} judged" if len(known) else line


if __name__ == "__main__":
    main()
