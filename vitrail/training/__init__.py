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
from vitrail.training.planning import (
    HARDWARE,
    CorpusNumbers,
    Hardware,
    Plan,
    compare_plan,
    measure_corpus,
    plan_training,
)
from vitrail.training.run import finetune_job, finetune_tasks, pretrain_backbone, pretrain_job
from vitrail.training.trainjob import TrainJobConfig, run_trainjob, trainjob_request

__all__ = [
    "HARDWARE",
    "CheckpointConfig",
    "ComputeConfig",
    "CorpusNumbers",
    "FinetuneConfig",
    "Hardware",
    "LaunchConfig",
    "OptimizerConfig",
    "Plan",
    "PretrainConfig",
    "ScheduleConfig",
    "TrainJobConfig",
    "compare_plan",
    "finetune_job",
    "finetune_tasks",
    "measure_corpus",
    "plan_training",
    "pretrain_backbone",
    "pretrain_job",
    "run_trainjob",
    "trainjob_request",
]
