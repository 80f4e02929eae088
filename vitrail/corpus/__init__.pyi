from .build.builders import build_corpus
from .check import check_corpus
from .corpus import Corpus, open_corpus
from .versions.resolve import ResolvedCorpus, resolve_corpus

__all__ = ["Corpus", "ResolvedCorpus", "build_corpus", "check_corpus", "open_corpus", "resolve_corpus"]
