"""The scale of the paper: ViT-B/16 on more than a billion weakly labelled images, on a GPU cluster.

Command: `vitrail compile --recipe vit_b16_1b --out vitrail.yaml`; `vitrail plan --recipe vit_b16_1b` says what it
takes.
Optimiser and schedule follow ViT pretraining on JFT (big_vision); the paper's own are not known.
"""

import dataclasses

from vitrail.contracts.models import Architecture, Transforms
from vitrail.corpus.pixels.augment import Augmentation
from vitrail.evaluation import EvaluationConfig, IndexConfig
from vitrail.labels import LabelsConfig
from vitrail.recipes.any_corpus import gates_of_every_task
from vitrail.recipes.cluster import ClusterConfig, Resources
from vitrail.recipes.recipe import Recipe
from vitrail.registry import RegistryConfig
from vitrail.training import (
    CheckpointConfig,
    ComputeConfig,
    FinetuneConfig,
    LaunchConfig,
    OptimizerConfig,
    PretrainConfig,
    ScheduleConfig,
    TrainJobConfig,
)

__all__ = ["vit_b16_1b"]

_GPU = ComputeConfig(device="cuda", strategy="fsdp2", precision="bf16", compile=True)
_CROPS = Augmentation(flip=0.5, crop_scale=(0.2, 1.0))


def vit_b16_1b() -> Recipe:
    """ViT-B/16 at 224 px, one epoch of 1.3 billion images on 32 nodes of 8 GPUs."""
    return Recipe(
        name="vit_b16_1b",
        registry=RegistryConfig(name="vitrail-vit-b16"),
        labels=LabelsConfig(engine="ray", votes=False, min_term_images=100, min_images=500, coarser_levels=(5000,)),
        pretrain=PretrainConfig(
            architecture=Architecture(name="vit_base_patch16_224"),
            transforms=Transforms(image_size=224),
            schedule=ScheduleConfig(num_steps=317_383, batch_size=4096, warmup_steps=10_000),
            optimizer=OptimizerConfig(learning_rate=8e-4, weight_decay=0.1),
            compute=_GPU,
            checkpoint=CheckpointConfig(every_steps=2000, keep=3),
            launch=LaunchConfig(num_processes=8, num_nodes=32, num_workers=12),
            augmentation=_CROPS,
            balance="square_root",
            balance_threshold=1e-4,
        ),
        finetune=FinetuneConfig(
            schedule=ScheduleConfig(num_steps=20_000, batch_size=1024, warmup_steps=1000),
            optimizer=OptimizerConfig(learning_rate=1e-4, weight_decay=0.05, layer_decay=0.75),
            compute=dataclasses.replace(_GPU, strategy="ddp"),
            launch=LaunchConfig(num_processes=8, num_workers=12),
            augmentation=_CROPS,
            embedding_dim=512,
            frozen_steps=1000,
        ),
        index=IndexConfig(thumbnail_size=0, num_threads=8, num_workers=12, device="cuda"),
        evaluation=EvaluationConfig(num_workers=12, device="cuda"),
        gates=gates_of_every_task(binary_ratio=0.9, margin=0.01),
        cluster=_cluster(),
    )


def _cluster() -> ClusterConfig:
    """Whole nodes of 8 GPUs for training and inference, large ones without for the labels."""
    node = Resources(
        cpu_request="64",
        cpu_limit="64",
        memory_request="256Gi",
        memory_limit="256Gi",
        accelerators=8,
        shared_memory="64Gi",
    )
    defaults = ClusterConfig()
    return ClusterConfig(
        data=dataclasses.replace(node, cpu_request="16", cpu_limit="16", accelerators=0),
        train=dataclasses.replace(node, retries=defaults.train.retries, timeout_s=defaults.train.timeout_s),
        inference=node,
        light=dataclasses.replace(defaults.light, memory_request="8Gi", memory_limit="16Gi"),
        trainjob=TrainJobConfig(),
    )
