"""From a trained and judged model to a version in the registry."""

import dataclasses
import json
import logging
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrail.contracts.codec import read
from vitrail.contracts.corpus import CorpusManifest
from vitrail.contracts.evaluation import EvaluationReport
from vitrail.contracts.index import IndexManifest
from vitrail.contracts.labels import DICTIONARY_FILE, MEMBERS_FILE, VOCABULARY_FILE, LabelSetManifest
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import ModelManifest
from vitrail.contracts.registry import ModelVersion
from vitrail.contracts.runs import RECIPE_FILE
from vitrail.contracts.study import StudyReport, find_study
from vitrail.contracts.verdict import Verdict
from vitrail.errors import RegistryError
from vitrail.models import load_manifest
from vitrail.registry.card import model_card
from vitrail.registry.client import connect, ensure_model, find_experiment, quoted
from vitrail.registry.config import RegistryConfig
from vitrail.registry.curves import allowed_name, leaves, log_metrics, open_run, write_curve
from vitrail.registry.version_folder import collect_artifacts, curve_name, seal_artifacts
from vitrail.registry.versions import CHALLENGER, find_registered, read_version

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

__all__ = ["register_model"]

logger = logging.getLogger(__name__)

_PARAMS_A_CALL = 100  # MLflow's limits
_PARAM_CHARACTERS = 6000


@dataclasses.dataclass(frozen=True)
class _Submission:
    """What is registered, read and checked."""

    manifest: ModelManifest
    index: IndexManifest
    evaluation: EvaluationReport
    verdict: Verdict
    corpus: CorpusManifest | None
    recipe: dict[str, Any]
    lineage: Lineage
    study: StudyReport | None


def register_model(
    *,
    model: Path,
    index: Path,
    evaluation: Path,
    verdict: Path,
    features: Path | None,
    training: Sequence[Path],
    recipe_json: str,
    lineage: Lineage,
    config: RegistryConfig,
    corpus: Path | None = None,
    validation: Path | None = None,
    labels: Path | None = None,
    study: str | None = None,
) -> ModelVersion:
    """Registers a model with its index as a version with the alias `challenger`.

    Its MLflow run is the one that the trainings of the pipeline run logged to; what they could not log is added.
    Registering the same model in the same pipeline run again returns the version that is there. An
    interrupted registration leaves no version; the next one starts over.

    Args:
        model: Model folder.
        index: Index folder, made by that model.
        evaluation: Evaluation folder of that model.
        verdict: Folder of the verdict on that model.
        features: The online features that the endpoint serves, if there are any.
        training: Logs of the training stages (`training.jsonl`); the folder a log lies in names its curves.
        recipe_json: The resolved recipe.
        lineage: What the run knows so far.
        config: The registry.
        corpus: Corpus folder, for data and licences on the model card.
        validation: Validation folder; its profile is the baseline that later data is compared with.
        labels: Label set; later label sets inherit the ids of its vocabulary, and an endpoint is asked by its words.
        study: What the recipe names as study, which the model card cites if it is there (`find_study`).

    Raises:
        RegistryError: The parts do not belong together, or the registry refuses.
    """
    submission = _read(model, index, evaluation, verdict, corpus, json.loads(recipe_json), lineage, study)
    with tempfile.TemporaryDirectory(prefix="vitrail-register-") as name, connect(config) as client:
        run_id, model_id = lineage.run_id, submission.manifest.model_id
        found = find_registered(client, config, run_id, model_id)
        if found is None:
            folder = Path(name)
            collect_artifacts(
                folder,
                folders={
                    "model": model,
                    "index": index,
                    "evaluation": evaluation,
                    "features": features,
                    "validation": validation,
                },
                files={Verdict.FILE: verdict / Verdict.FILE} | _vocabulary_files(labels),
                texts={RECIPE_FILE: recipe_json, "README.md": _card(submission, config)},
                training=training,
            )
            found = _create_version(client, config, submission, folder, training)
        client.set_registered_model_alias(config.name, CHALLENGER, found.version)
    logger.info("registered %s", found.reference)
    return found


def _vocabulary_files(labels: Path | None) -> dict[str, Path]:
    """The label set without the labels of single images."""
    names = (LabelSetManifest.FILE, VOCABULARY_FILE, DICTIONARY_FILE, MEMBERS_FILE)
    return {f"labels/{name}": labels / name for name in names} if labels else {}


def _read(
    model: Path,
    index: Path,
    evaluation: Path,
    verdict: Path,
    corpus: Path | None,
    recipe: dict[str, Any],
    lineage: Lineage,
    study: str | None,
) -> _Submission:
    manifest = load_manifest(model)
    submission = _Submission(
        manifest=manifest,
        index=read(IndexManifest, index),
        evaluation=read(EvaluationReport, evaluation),
        verdict=read(Verdict, verdict),
        corpus=read(CorpusManifest, corpus) if corpus else None,
        recipe=recipe,
        lineage=dataclasses.replace(lineage, model_id=manifest.model_id),
        study=find_study(study),
    )
    parts = {
        "index": submission.index.model_id,
        "evaluation": submission.evaluation.model_id,
        "verdict": submission.verdict.challenger_id,
    }
    for name, model_id in parts.items():
        if model_id != manifest.model_id:
            raise RegistryError(
                f"the {name} is about model {model_id[:12]}, the model is {manifest.model_id[:12]}; "
                f"make the {name} with this model"
            )
    return dataclasses.replace(
        submission, lineage=dataclasses.replace(submission.lineage, index_digest=submission.index.digest)
    )


def _card(submission: _Submission, config: RegistryConfig) -> str:
    return model_card(
        name=config.name,
        manifest=submission.manifest,
        index=submission.index,
        evaluation=submission.evaluation,
        verdict=submission.verdict,
        corpus=submission.corpus,
        lineage=submission.lineage,
        study=submission.study,
    )


def _create_version(
    client: "MlflowClient",
    config: RegistryConfig,
    submission: _Submission,
    folder: Path,
    training: Sequence[Path],
) -> ModelVersion:
    tags = _tags(submission) | {"artifacts_digest": seal_artifacts(folder)}
    experiment = find_experiment(client, config)
    _forget_interrupted(client, experiment, submission)
    run = open_run(client, experiment, submission.lineage.run_id, is_for_model=True)
    _log_numbers(client, run, submission, tags)
    for path in training:
        write_curve(client, run, curve_name(path), path)
    client.log_artifacts(run.info.run_id, str(folder))
    client.set_terminated(run.info.run_id)
    ensure_model(client, config.name)
    entry = client.create_model_version(
        config.name,
        source=run.info.artifact_uri,
        run_id=run.info.run_id,
        tags=tags,
        description=f"Verdict: {submission.verdict.status}. The model card is the artifact README.md.",
    )
    return read_version(entry, config)


def _tags(submission: _Submission) -> dict[str, str]:
    lineage = {name: value for name, value in dataclasses.asdict(submission.lineage).items() if value}
    return lineage | {"verdict": submission.verdict.status}


def _forget_interrupted(client: "MlflowClient", experiment: str, submission: _Submission) -> None:
    run_id, model_id = submission.lineage.run_id, submission.manifest.model_id
    wanted = f"tags.run_id = {quoted(run_id)} and tags.model_id = {quoted(model_id)}"
    for run in client.search_runs([experiment], wanted):
        client.delete_run(run.info.run_id)


def _log_numbers(client: "MlflowClient", run: "Run", submission: _Submission, tags: dict[str, str]) -> None:
    from mlflow.entities import Metric, Param, RunTag

    mlflow_run_id, now = run.info.run_id, int(time.time() * 1000)
    client.log_batch(mlflow_run_id, tags=[RunTag(name, value) for name, value in tags.items()])
    params = [Param(name, value[:_PARAM_CHARACTERS]) for name, value in _flatten("", submission.recipe)]
    for start in range(0, len(params), _PARAMS_A_CALL):
        client.log_batch(mlflow_run_id, params=params[start : start + _PARAMS_A_CALL])
    metrics = [Metric(allowed_name(metric.name), metric.value, now, 0) for metric in submission.evaluation.metrics]
    log_metrics(client, run, metrics)


def _flatten(prefix: str, value: Any) -> Iterable[tuple[str, str]]:
    """Leaves of the recipe as parameters; what is not a string is written as JSON."""
    for name, leaf in leaves(prefix, value):
        yield allowed_name(name), leaf if isinstance(leaf, str) else json.dumps(leaf)
