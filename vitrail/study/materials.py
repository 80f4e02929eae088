"""What a study works on: its target, and the corpora and label sets to pretrain on, found or made."""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vitrail import labels
from vitrail.config import require
from vitrail.contracts.corpus import CorpusManifest
from vitrail.contracts.files import digest_json
from vitrail.contracts.labels import LabelSetManifest
from vitrail.corpus import Corpus, open_corpus, resolve_corpus
from vitrail.errors import StudyError
from vitrail.recipes import Recipe, find_recipe
from vitrail.source_code import digest_source
from vitrail.study.arms import LabelledCorpus
from vitrail.study.config import StudyConfig
from vitrail.study.label_recipes import LABEL_RECIPES

__all__ = ["LabelFolder", "Materials", "Source", "gather_materials", "name_label_set"]

_LOG = logging.getLogger(__name__)
_DIGITS = 16
_NAME = re.compile(r"[\w.-]+")  # no @ and no /, which part the names of arms


@dataclass(frozen=True, kw_only=True)
class LabelFolder:
    """A label set that was made elsewhere, and what the study calls its recipe."""

    name: str
    folder: Path

    def __post_init__(self) -> None:
        is_name = bool(_NAME.fullmatch(self.name))
        require(is_name, "label set", self.name, "name it by letters, digits, dots, hyphens and underscores")


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a labelled corpus lies."""

    corpus: Path
    labels: Path
    manifest: LabelSetManifest


@dataclass(frozen=True, kw_only=True)
class Materials:
    """Recipe, target and sources of a study."""

    recipe: Recipe
    target: Corpus
    sources: Mapping[LabelledCorpus, Source]


def gather_materials(config: StudyConfig, label_folders: Sequence[LabelFolder], workspace: Path) -> Materials:
    """Finds or builds the corpora, derives the label sets that are not there yet, and takes those made elsewhere.

    Args:
        config: Of the study.
        label_folders: Label sets of its pretraining corpora that were made elsewhere.
        workspace: Corpora are built in its `corpora`, as for a run; label sets in its `study/labels`.

    Raises:
        VitrailError: A corpus or a recipe cannot be had, or a label set is of no corpus of the study.
    """
    recipe = find_recipe(config.recipe)
    target = _open(config.target, workspace)
    corpora = [_open(name, workspace) for name in config.corpora]
    _require_distinct(corpora)
    sources = {
        LabelledCorpus(labels=name, corpus=corpus.manifest.name): _derive(
            corpus, LABEL_RECIPES[name](recipe.labels), workspace / "study" / "labels"
        )
        for corpus in corpora
        for name in config.labels
    }
    for found in label_folders:
        key, source = _take(found, corpora)
        if key in sources:
            taken = f"{key.labels}@{key.corpus}"
            raise StudyError(f"label set {found.folder}: the study has one called {taken}; choose another name")
        sources[key] = source
    return Materials(recipe=recipe, target=target, sources=sources)


def _open(name: str, workspace: Path) -> Corpus:
    return open_corpus(resolve_corpus(name, repository=Path(), cache=workspace / "corpora").path)


def _require_distinct(corpora: Iterable[Corpus]) -> None:
    seen: dict[str, Path] = {}
    for corpus in corpora:
        name = corpus.manifest.name
        if name in seen:
            raise StudyError(f"{seen[name]} and {corpus.path} are both called {name!r}; build one under another name")
        seen[name] = corpus.path


def _derive(corpus: Corpus, config: labels.LabelsConfig, folder: Path) -> Source:
    out = folder / name_label_set(corpus.manifest, config)
    if not (out / LabelSetManifest.FILE).is_file():
        _LOG.info("deriving labels of %s into %s", corpus.manifest.name, out)
        labels.derive_labels(corpus.path, out, config)
    return Source(corpus=corpus.path, labels=out, manifest=labels.open_labels(out).manifest)


def name_label_set(corpus: CorpusManifest, config: labels.LabelsConfig) -> str:
    """Tells a label set from those of other corpora, configurations and code."""
    code = digest_source("vitrail.labels.derivation")
    return f"{corpus.name}-{digest_json([corpus.digest, config.output_digest, code])[:_DIGITS]}"


def _take(found: LabelFolder, corpora: Sequence[Corpus]) -> tuple[LabelledCorpus, Source]:
    manifest = labels.open_labels(found.folder).manifest
    owners = [corpus for corpus in corpora if corpus.manifest.digest == manifest.corpus_digest]
    if not owners:
        names = ", ".join(corpus.manifest.name for corpus in corpora) or "none"
        raise StudyError(f"{found.folder} has labels of none of the corpora to pretrain on ({names}); name its corpus")
    key = LabelledCorpus(labels=found.name, corpus=owners[0].manifest.name)
    return key, Source(corpus=owners[0].path, labels=found.folder, manifest=manifest)
