"""Fine-tunes the trunk on every task of the corpus at once."""

from kfp import dsl

from components import container_images
from components.handover import HANDED_ON

__all__ = ["finetune_tasks", "finetune_tasks_as_trainjob"]


@dsl.component(base_image=container_images.TRAIN, install_kfp_package=False)
def finetune_tasks(
    workspace: str,
    run_id: str,
    recipe: str,
    corpus: dsl.Input[dsl.Artifact],
    corpus_digest: str,
    labels: dsl.Input[dsl.Artifact],
    labels_digest: str,
    features: dsl.Input[dsl.Artifact],
    features_digest: str,
    backbone: dsl.Input[dsl.Artifact],
    backbone_digest: str,
    model: dsl.Output[dsl.Artifact],
    task_config: dsl.TaskConfig,
) -> str:
    """Fine-tunes the trunk on every task of the corpus at once.

    Returns:
        The artifact's digest.
    """
    from components import container_images
    from components.adapter import pod_settings, run

    return run(
        "finetune_tasks",
        workspace=workspace,
        run_id=run_id,
        recipe=recipe,
        output=model.path,
        inputs={
            "corpus": (corpus.path, corpus_digest),
            "labels": (labels.path, labels_digest),
            "features": (features.path, features_digest),
            "backbone": (backbone.path, backbone_digest),
        },
        pod=pod_settings(container_images.TRAIN, recipe, task_config),
    ).digest


finetune_tasks_as_trainjob = dsl.component(
    finetune_tasks.python_func,
    base_image=container_images.TRAIN,
    install_kfp_package=False,
    task_config_passthroughs=HANDED_ON,
)
