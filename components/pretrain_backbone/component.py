"""Pretrains the trunk on the weak labels."""

from kfp import dsl

from components import container_images
from components.handover import HANDED_ON

__all__ = ["pretrain_backbone", "pretrain_backbone_as_trainjob"]


@dsl.component(base_image=container_images.TRAIN, install_kfp_package=False)
def pretrain_backbone(
    workspace: str,
    run_id: str,
    recipe: str,
    corpus: dsl.Input[dsl.Artifact],
    corpus_digest: str,
    labels: dsl.Input[dsl.Artifact],
    labels_digest: str,
    validation: dsl.Input[dsl.Artifact],
    validation_digest: str,
    backbone: dsl.Output[dsl.Artifact],
    task_config: dsl.TaskConfig,
) -> str:
    """Pretrains the trunk on the weak labels.

    Returns:
        The artifact's digest.
    """
    from components import container_images
    from components.adapter import pod_settings, run

    return run(
        "pretrain_backbone",
        workspace=workspace,
        run_id=run_id,
        recipe=recipe,
        output=backbone.path,
        inputs={
            "corpus": (corpus.path, corpus_digest),
            "labels": (labels.path, labels_digest),
            "validation": (validation.path, validation_digest),
        },
        pod=pod_settings(container_images.TRAIN, recipe, task_config),
    ).digest


pretrain_backbone_as_trainjob = dsl.component(
    pretrain_backbone.python_func,
    base_image=container_images.TRAIN,
    install_kfp_package=False,
    task_config_passthroughs=HANDED_ON,
)
