"""Gates that ask the same of every task, for recipes that do not know their corpus."""

from vitrail.gates import ChangeThreshold, GateConfig, ValueThreshold, every_task

__all__ = ["gates_of_every_task"]

# Per kind of task: what a model must reach that has learned anything, and what two models are compared in.
_WORTH = {
    "classification": ("lift", 1.0),  # better than always naming the most frequent class
    "ordinal": ("quadratic_kappa", 0.1),  # 0 is what chance and the most frequent level reach
    "multilabel": ("micro_average_precision", 0.1),
}
_COMPARED = {
    "classification": "accuracy",
    "ordinal": "accuracy",
    "multilabel": "micro_f1",
    "retrieval": "float/p_at_1",
}


def gates_of_every_task(*, binary_ratio: float, margin: float) -> GateConfig:
    """Thresholds by kind of task.

    Args:
        binary_ratio: Share of P@1 that binary codes must keep, in every retrieval task.
        margin: What a model may lose against the champion in any task.
    """
    worth = _WORTH | {"retrieval": ("binary_ratio", binary_ratio)}
    return GateConfig(
        values=tuple(
            ValueThreshold(metric=every_task(kind, metric), limit=limit) for kind, (metric, limit) in worth.items()
        ),
        changes=tuple(
            ChangeThreshold(metric=every_task(kind, metric), margin=margin) for kind, metric in _COMPARED.items()
        ),
    )
