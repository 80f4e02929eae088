"""Feast calls: a feature snapshot from text features, and training sets as of the labels' time.

A snapshot (`vitrail.contracts.features`) is a Feast repository of its own that can be moved, copied and opened
read-only.
"""

import contextlib
import io
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
from feast import FeatureService, FeatureStore, FeatureView, FileSource

import features
from features import text_features as declared
from vitrail.contracts.features import TRAINING_SETS_FOLDER, training_set_file
from vitrail.contracts.files import atomic_folder, digest_file, digest_json
from vitrail.corpus import Corpus, open_corpus
from vitrail.errors import CorpusError, LabelError

__all__ = ["materialize"]

_REPOSITORY = Path(features.__file__).parent
_CONFIG = "feature_store.yaml"
_VIEWS = (declared.image_text_features, declared.image_text_details, declared.label_statistics)
_OBJECTS = (
    declared.project,
    declared.image,
    declared.label,
    *_VIEWS,
    declared.text_features,
    declared.training_features,
    declared.label_features,
)
_REMEDY = "run the step derive_labels again"
_ONLINE_ROWS = 1 << 14  # that are turned into Feast's messages at once: some 4 KB each
_TRAINING_ROWS = 1 << 18  # labels that are joined at once


def materialize(text_features: Path, corpus: Path, out: Path) -> str:
    """Writes a feature snapshot: offline Parquet, online store and training sets.

    Args:
        text_features: Folder with image_features.parquet and label_statistics.parquet.
        corpus: The corpus whose task labels get their features as of the time of the label.
        out: The snapshot folder; appears whole or not at all.

    Returns:
        Digest over declarations, offline features and training sets.

    Raises:
        LabelError: A feature table is missing, empty or lacks a declared column.
        CorpusError: A task has no labels.
    """
    opened = open_corpus(corpus.resolve())
    with atomic_folder(out) as partial:
        _copy_sources(text_features, partial)
        with _inside(partial.resolve()) as store:
            store.apply(list(_OBJECTS))
            for view in _VIEWS:
                if view.online:
                    _write_online(store, view)
            (partial / TRAINING_SETS_FOLDER).mkdir()
            for task in opened.manifest.tasks:
                _write_training_set(store, opened, task.name, partial / training_set_file(task.name))
        return _digest(partial)


@contextlib.contextmanager
def _inside(snapshot: Path) -> Iterator[FeatureStore]:
    """Opens the store with the snapshot as working folder: Feast's DuckDB resolves sources against it."""
    with contextlib.chdir(snapshot), contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"ibis\.")
        try:
            yield FeatureStore(repo_path=".")
        finally:
            ibis.options.default_backend = None  # closes DuckDB before the interpreter takes it down


def _copy_sources(text_features: Path, snapshot: Path) -> None:
    (snapshot / "data").mkdir()
    shutil.copyfile(_REPOSITORY / _CONFIG, snapshot / _CONFIG)
    for view in _VIEWS:
        _check_source(text_features / Path(_source_of(view).path).name, view)
    for place in {_source_of(view).path for view in _VIEWS}:
        shutil.copyfile(text_features / Path(place).name, snapshot / place)


def _source_of(view: FeatureView) -> FileSource:
    return cast("FileSource", view.batch_source)  # as the views of `features` declare it


def _check_source(path: Path, view: FeatureView) -> None:
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise LabelError(f"{path} is not a readable Parquet file ({error}); {_REMEDY}") from error
    wanted = {field.name for field in view.schema} | {_source_of(view).timestamp_field}
    missing = sorted(wanted - set(file.schema_arrow.names))
    if missing:
        raise LabelError(f"{path} lacks the declared columns {', '.join(missing)}; {_REMEDY}")
    if not file.metadata.num_rows:
        raise LabelError(f"{path} has no rows: no image has text; {_REMEDY} on a corpus with signals")


def _write_online(store: FeatureStore, view: FeatureView) -> None:
    """Writes the rows of a view, of which there is one an entity, for online reads; a part at a time.

    Feast's own materialisation holds a view's rows at once, and first asks the offline store which are the latest.
    """
    file = pq.ParquetFile(_source_of(view).path)
    columns = [field.name for field in view.schema] + [_source_of(view).timestamp_field]
    for rows in file.iter_batches(_ONLINE_ROWS, columns=columns):
        store.write_to_online_store(view.name, df=rows.to_pandas())


def _write_training_set(store: FeatureStore, corpus: Corpus, task: str, path: Path) -> None:
    """The labels of a task in their order, each with the text features known when it was given."""
    labels = corpus.task_labels(task)
    if not len(labels):
        raise CorpusError(f"{corpus.path}/tasks/{task}.parquet has no labels; remove the task or label images")
    service = store.get_feature_service(declared.training_features.name)
    with contextlib.ExitStack() as stack:
        writer = None
        for start in range(0, len(labels), _TRAINING_ROWS):
            table = _join(store, service, labels.slice(start, _TRAINING_ROWS))
            writer = writer or stack.enter_context(pq.ParquetWriter(path, table.schema, compression="zstd"))
            writer.write_table(table)


def _join(store: FeatureStore, service: FeatureService, labels: pa.Table) -> pa.Table:
    position = pa.array(range(len(labels)), pa.int64())
    entities = labels.rename_columns({"observed_at": "event_timestamp"}).append_column("position", position)
    job = store.get_historical_features(entity_df=entities.to_pandas(), features=service)
    table = job.to_arrow().sort_by("position").drop_columns("position")
    return table.rename_columns({"event_timestamp": "observed_at"}).replace_schema_metadata(None)


def _digest(snapshot: Path) -> str:
    """Registry and sqlite file carry times of writing; what they are made of does not."""
    parts = sorted(snapshot.glob("*/*.parquet"))
    digests = {str(path.relative_to(snapshot)): digest_file(path) for path in parts}
    declarations = {path.name: digest_file(path) for path in sorted(_REPOSITORY.glob("*.py"))}
    return digest_json({"files": digests, "declarations": declarations, "config": digest_file(snapshot / _CONFIG)})
