from .config import (
    CheckpointConfig,
    ComputeConfig,
    FinetuneConfig,
    LaunchConfig,
    OptimizerConfig,
    PretrainConfig,
    ScheduleConfig,
)
from .planning import (
    HARDWARE,
    CorpusNumbers,
    Hardware,
    Plan,
    compare_plan,
    measure_corpus,
    plan_training,
)
from .run import finetune_job, finetune_tasks, pretrain_backbone, pretrain_job
from .trainjob import TrainJobConfig, run_trainjob, trainjob_request

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
