"""Feast calls: a feature snapshot from text features, and training sets as of the labels' time.

A snapshot (`vitrail.contracts.features`) is a Feast repository of its own that can be moved, copied and opened
read-only.
"""

import contextlib
import datetime
import io
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import ibis
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from feast import FeatureStore, FeatureView, FileSource

import features
from features import text_features as declared
from vitrail.contracts.features import TRAINING_SETS_FOLDER, training_set_file
from vitrail.contracts.files import atomic_folder, digest_file, digest_json
from vitrail.corpus import Corpus, open_corpus
from vitrail.errors import CorpusError, LabelError

__all__ = ["materialize"]

_REPOSITORY = Path(features.__file__).parent
_CONFIG = "feature_store.yaml"
_VIEWS = (declared.image_text_features, declared.label_statistics)
_OBJECTS = (
    declared.project,
    declared.image,
    declared.label,
    *_VIEWS,
    declared.text_features,
    declared.label_features,
)
_REMEDY = "run the step derive_labels again"
_MARGIN = datetime.timedelta(days=2)  # Feast drops the zone of the bounds and compares in the machine's zone


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
            start, end = _time_range(partial)
            store.materialize(start_date=start - _MARGIN, end_date=end + _MARGIN)
            (partial / TRAINING_SETS_FOLDER).mkdir()
            for task in opened.manifest.tasks:
                table = _training_set(store, opened, task.name)
                pq.write_table(table, partial / training_set_file(task.name), compression="zstd")
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
        place = _source_of(view).path
        source = text_features / Path(place).name
        _check_source(source, view)
        shutil.copyfile(source, snapshot / place)


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


def _time_range(snapshot: Path) -> tuple[datetime.datetime, datetime.datetime]:
    columns = [
        pq.read_table(snapshot / source.path, columns=[source.timestamp_field])[0] for source in map(_source_of, _VIEWS)
    ]
    bounds = [pc.min_max(column).as_py() for column in columns]
    return min(bound["min"] for bound in bounds), max(bound["max"] for bound in bounds)


def _training_set(store: FeatureStore, corpus: Corpus, task: str) -> pa.Table:
    """The labels of a task in their order, each with the text features known when it was given."""
    labels = corpus.task_labels(task)
    if not len(labels):
        raise CorpusError(f"{corpus.path}/tasks/{task}.parquet has no labels; remove the task or label images")
    position = pa.array(range(len(labels)), pa.int64())
    entities = labels.rename_columns({"observed_at": "event_timestamp"}).append_column("position", position)
    job = store.get_historical_features(
        entity_df=entities.to_pandas(), features=store.get_feature_service(declared.text_features.name)
    )
    table = job.to_arrow().sort_by("position").drop_columns("position")
    return table.rename_columns({"event_timestamp": "observed_at"}).replace_schema_metadata(None)


def _digest(snapshot: Path) -> str:
    """Registry and sqlite file carry times of writing; what they are made of does not."""
    parts = sorted(snapshot.glob("*/*.parquet"))
    digests = {str(path.relative_to(snapshot)): digest_file(path) for path in parts}
    declarations = {path.name: digest_file(path) for path in sorted(_REPOSITORY.glob("*.py"))}
    return digest_json({"files": digests, "declarations": declarations, "config": digest_file(snapshot / _CONFIG)})
