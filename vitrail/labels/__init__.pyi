from .config import LabelsConfig
from .derivation import derive_labels, digest_config
from .inspect.corpus_of_labels import find_corpus
from .inspect.coverage import Coverage, measure_coverage
from .inspect.explanation import Explanation, explain_image, source_support
from .inspect.explanation_page import describe_explanation, write_explanation
from .inspect.judging_sheet import Pair, read_sheet, sample_pairs, write_sheet
from .inspect.rejected_phrases import list_rejections
from .inspect.scorer_quality import ScorerQuality, compare_scorers
from .inspect.tail_report import BandCounts, TailReport, tail_report
from .label_set.diff import diff_labels, remap_head
from .label_set.opened import LabelSet, open_labels
from .scoring.judgements import read_judgements, write_judgements
from .shards.text_features import build_text_features
from .text.encoder import load_encoder

__all__ = [
    "BandCounts",
    "Coverage",
    "Explanation",
    "LabelSet",
    "LabelsConfig",
    "Pair",
    "ScorerQuality",
    "TailReport",
    "build_text_features",
    "compare_scorers",
    "derive_labels",
    "describe_explanation",
    "diff_labels",
    "digest_config",
    "explain_image",
    "find_corpus",
    "list_rejections",
    "load_encoder",
    "measure_coverage",
    "open_labels",
    "read_judgements",
    "read_sheet",
    "remap_head",
    "sample_pairs",
    "source_support",
    "tail_report",
    "write_explanation",
    "write_judgements",
    "write_sheet",
]
