"""What trainings are told: refused by name where it is impossible, and the same after JSON."""

import json

import pytest

from builders.training_jobs import finetune_config, pretrain_config
from vitrail.contracts.codec import decode, encode
from vitrail.errors import ConfigError
from vitrail.training import (
    LaunchConfig,
    OptimizerConfig,
    ScheduleConfig,
)
from vitrail.training.local_launch import elastic_arguments
from vitrail.training.trainjob import pod_command


@pytest.mark.parametrize(
    ("build", "field"),
    [
        (lambda: ScheduleConfig(num_steps=0, batch_size=8), "num_steps"),
        (lambda: ScheduleConfig(num_steps=5, batch_size=8, warmup_steps=6), "warmup_steps"),
        (lambda: ScheduleConfig(num_steps=5, batch_size=8, accumulation=3), "accumulation"),
        (lambda: OptimizerConfig(learning_rate=0), "learning_rate"),
        (lambda: OptimizerConfig(ema_decay=1.0), "ema_decay"),
        (lambda: finetune_config(embedding_dim=12), "embedding_dim"),
        (lambda: pretrain_config(launch=LaunchConfig(num_processes=3)), "batch_size"),
        (lambda: pretrain_config(loss="sigmoid", num_sampled_labels=5), "num_sampled_labels"),
    ],
)
def test_impossible_values_are_refused_by_name(build, field):
    with pytest.raises(ConfigError, match=field):
        build()


@pytest.mark.parametrize("config", [pretrain_config(), finetune_config()])
def test_configuration_survives_json(config):
    assert decode(type(config), json.loads(json.dumps(encode(config))), "test") == config


def test_several_nodes_need_a_place_to_meet():
    with pytest.raises(ConfigError, match="rendezvous"):
        elastic_arguments(LaunchConfig(num_nodes=2))
    assert "--standalone" in elastic_arguments(LaunchConfig(num_processes=2))
    assert "--rdzv-endpoint=${PET_MASTER_ADDR}" in pod_command(LaunchConfig(num_nodes=2), "/job.json")[-1]
