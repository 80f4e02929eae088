"""What each step hands on, by the name under which later steps take it."""

__all__ = ["ARTIFACTS"]

ARTIFACTS = {
    "checkout_corpus": "corpus",
    "derive_labels": "labels",
    "validate_data": "validation",
    "materialize_features": "features",
    "pretrain_backbone": "backbone",
    "finetune_tasks": "model",
    "build_index": "index",
    "evaluate_model": "evaluation",
    "gate_model": "verdict",
    "register_model": "version",
    "package_endpoint": "endpoint",
    "validate_endpoint": "serving",
    "promote_model": "release",
    "publish_report": "report",
}
