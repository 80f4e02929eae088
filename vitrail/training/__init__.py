"""Training: weakly supervised pretraining and multi-task fine-tuning, launched as processes of their own."""

from vitrail.training.config import (
    CheckpointConfig,
    ComputeConfig,
    FinetuneConfig,
    LaunchConfig,
    OptimizerConfig,
    PretrainConfig,
    ScheduleConfig,
)
from vitrail.training.run import finetune_tasks, pretrain_backbone

__all__ = [
    "CheckpointConfig",
    "ComputeConfig",
    "FinetuneConfig",
    "LaunchConfig",
    "OptimizerConfig",
    "PretrainConfig",
    "ScheduleConfig",
    "finetune_tasks",
    "pretrain_backbone",
]
