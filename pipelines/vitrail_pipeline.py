"""From a data revision to a promoted, proven model: the graph of the whole system.

Compile it with `vitrail compile` or `kfp dsl compile --py pipelines/vitrail_pipeline.py --output vitrail.yaml`;
run it on this machine with `vitrail run`.
"""

import dataclasses
import json
import sys
from pathlib import Path

# `kfp dsl compile` puts this folder on the path, not the repository.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from kfp import dsl

from components.build_index.component import build_index
from components.checkout_corpus.component import checkout_corpus
from components.derive_labels.component import derive_labels
from components.evaluate_model.component import evaluate_model
from components.finetune_tasks.component import finetune_tasks, finetune_tasks_as_trainjob
from components.gate_model.component import gate_model
from components.materialize_features.component import materialize_features
from components.package_endpoint.component import package_endpoint
from components.pretrain_backbone.component import pretrain_backbone, pretrain_backbone_as_trainjob
from components.promote_model.component import promote_model
from components.publish_report.component import publish_report
from components.register_model.component import register_model
from components.validate_data.component import validate_data
from components.validate_endpoint.component import validate_endpoint
from pipelines.resources import place, place_on_gpu
from vitrail.contracts.codec import encode
from vitrail.recipes import Recipe, find_recipe

__all__ = ["make_pipeline", "vitrail"]


def _passed(**tasks: dsl.PipelineTask) -> dict[str, object]:
    """Each task's artifact and, for the cache, its digest as a parameter."""
    arguments: dict[str, object] = {}
    for name, task in tasks.items():
        arguments |= {name: _artifact(task), f"{name}_digest": task.outputs["Output"]}
    return arguments


def _artifact(task: dsl.PipelineTask) -> object:
    return next(value for key, value in task.outputs.items() if key != "Output")


def make_pipeline(chosen: Recipe, run_id: str = dsl.PIPELINE_JOB_ID_PLACEHOLDER) -> dsl.base_component.BaseComponent:
    """The graph for a cluster, with `chosen` as default recipe and its cluster section as resources.

    Tasks share nothing there but the workspace, so a registry in a file lies on it. A local run passes the
    recipe as it is, and keeps the repository's own. The run's id is the UUID that the server gives it, never the
    name that somebody typed; a local run passes its own, because kfp.local draws from 100 million numbers only.
    """
    cluster = chosen.cluster
    on_cluster = dataclasses.replace(chosen, registry=chosen.registry.inside(cluster.workspace_mount))
    pretrain = pretrain_backbone_as_trainjob if cluster.trainjob else pretrain_backbone
    finetune = finetune_tasks_as_trainjob if cluster.trainjob else finetune_tasks

    @dsl.pipeline(name="vitrail", description="Weak labels, pretraining, multi-task fine-tuning, gate, endpoint.")
    def vitrail(
        corpus: str = "emoji",
        repository: str = ".",
        revision: str = "",
        workspace: str = cluster.workspace_mount,
        recipe: str = json.dumps(encode(on_cluster)),
    ) -> None:
        run = {"workspace": workspace, "run_id": run_id, "recipe": recipe}
        report = place(publish_report(**run), cluster, is_cached=False)
        with dsl.ExitHandler(report):
            checkout = place(
                checkout_corpus(**run, source=corpus, repository=repository, revision=revision),
                cluster,
                is_cached=False,
            )
            data = _passed(corpus=checkout)
            labels = place(derive_labels(**run, **data), cluster, is_cached=False)
            data |= _passed(labels=labels)
            validation = place(validate_data(**run, **data), cluster, is_cached=False)
            validated = data | _passed(validation=validation)
            features = place(materialize_features(**run, **validated), cluster)
            backbone = place_on_gpu(pretrain(**run, **validated), cluster)
            backbone.set_caching_options(chosen.pretrain.initial_weights != "champion")
            model = place_on_gpu(finetune(**run, **data, **_passed(features=features, backbone=backbone)), cluster)
            corpus_and_model = _passed(corpus=checkout, model=model)
            index = place_on_gpu(build_index(**run, **corpus_and_model), cluster)
            evaluation = place_on_gpu(
                evaluate_model(**run, **corpus_and_model, **_passed(features=features)), cluster
            ).set_caching_options(False)
            verdict = place(gate_model(**run, **_passed(evaluation=evaluation)), cluster, is_cached=False)
            with dsl.If(verdict.outputs["Output"] == "blessed"):
                parts = corpus_and_model | _passed(index=index, features=features)
                history = _passed(labels=labels, validation=validation, backbone=backbone, evaluation=evaluation)
                judged = {"verdict": _artifact(verdict)}
                version = place(register_model(**run, **parts, **history, **judged), cluster, is_cached=False)
                endpoint = place(package_endpoint(**run, **parts, **_passed(version=version)), cluster, is_cached=False)
                serving = place(validate_endpoint(**run, **_passed(endpoint=endpoint)), cluster, is_cached=False)
                place(
                    promote_model(**run, **_passed(version=version, serving=serving), **judged),
                    cluster,
                    is_cached=False,
                )

    return vitrail


vitrail = make_pipeline(find_recipe("emoji"))
