"""Corpora: shards of images as they lie, with their texts, splits and task labels."""

from vitrail.corpus.build import build_corpus
from vitrail.corpus.check import check_corpus
from vitrail.corpus.corpus import Corpus, open_corpus
from vitrail.corpus.resolve import ResolvedCorpus, resolve_corpus

__all__ = ["Corpus", "ResolvedCorpus", "build_corpus", "check_corpus", "open_corpus", "resolve_corpus"]
