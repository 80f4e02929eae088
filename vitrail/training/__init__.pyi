from .config import (
    CheckpointConfig,
    ComputeConfig,
    FinetuneConfig,
    LaunchConfig,
    OptimizerConfig,
    PretrainConfig,
    ProbeConfig,
    ScheduleConfig,
    TrainJobConfig,
)
from .job import FinetuneJob, PretrainJob
from .local_launch import Launch, run_job
from .plan import HARDWARE, CorpusNumbers, Hardware, Plan, PlanReview, Taken
from .planning import likely_hardware, measure_corpus, plan_training
from .pod import PodSettings
from .resume import artifact_fields, decisive_fields, identify
from .review import compare_plan, review_pretraining
from .stages import finetune_job, finetune_tasks, pretrain_backbone, pretrain_job
from .trainjob import run_trainjob, trainjob_request

__all__ = [
    "HARDWARE",
    "CheckpointConfig",
    "ComputeConfig",
    "CorpusNumbers",
    "FinetuneConfig",
    "FinetuneJob",
    "Hardware",
    "Launch",
    "LaunchConfig",
    "OptimizerConfig",
    "Plan",
    "PlanReview",
    "PodSettings",
    "PretrainConfig",
    "PretrainJob",
    "ProbeConfig",
    "ScheduleConfig",
    "Taken",
    "TrainJobConfig",
    "artifact_fields",
    "compare_plan",
    "decisive_fields",
    "finetune_job",
    "finetune_tasks",
    "identify",
    "likely_hardware",
    "measure_corpus",
    "plan_training",
    "pretrain_backbone",
    "pretrain_job",
    "review_pretraining",
    "run_job",
    "run_trainjob",
    "trainjob_request",
]
