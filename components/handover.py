"""What a task that only submits a TrainJob hands on to it instead of taking it itself."""

from kfp import dsl

__all__ = ["HANDED_ON"]

_FIELD = dsl.TaskConfigField

# The submitting pod needs the shared workspace and its variables, but neither the GPUs nor a GPU node.
HANDED_ON = [
    _FIELD.RESOURCES,
    _FIELD.KUBERNETES_NODE_SELECTOR,
    _FIELD.KUBERNETES_TOLERATIONS,
    _FIELD.KUBERNETES_AFFINITY,
    dsl.TaskConfigPassthrough(field=_FIELD.ENV, apply_to_task=True),
    dsl.TaskConfigPassthrough(field=_FIELD.KUBERNETES_VOLUMES, apply_to_task=True),
]
