"""Learning rates, groups of parameters and their moving average."""

import itertools

import pytest
import torch

from builders.training_jobs import TRANSFORMS, TRUNK
from vitrail.contracts.models import HeadSpec
from vitrail.models import VitrailModel
from vitrail.tasks import TaskSpec, find_loss
from vitrail.training import (
    OptimizerConfig,
    ScheduleConfig,
)
from vitrail.training.objective import Objective
from vitrail.training.optimization import MovingAverage, create_optimizer, learning_rate_factor


def test_learning_rate_rises_and_falls_to_zero():
    for shape in ("cosine", "linear"):
        schedule = ScheduleConfig(num_steps=100, batch_size=8, warmup_steps=10, shape=shape)
        factors = [learning_rate_factor(step, schedule) for step in range(100)]
        assert factors[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
        assert factors[10] == 1
        assert all(later < earlier for earlier, later in itertools.pairwise(factors[10:]))
        assert 0 < factors[-1] < 0.02


def objective() -> Objective:
    torch.manual_seed(0)
    head = HeadSpec(name="embedding", kind="retrieval", dim=8)
    task = TaskSpec(name="concept", head="embedding", loss=find_loss("proxies", "retrieval"), num_classes=3)
    return Objective(VitrailModel(TRUNK, TRANSFORMS, [head]), [task])


def test_every_parameter_is_in_one_group_and_norms_do_not_decay():
    trained = objective()
    for layer_decay in (1.0, 0.5):
        optimizer = create_optimizer(trained, OptimizerConfig(layer_decay=layer_decay))
        seen = [id(parameter) for group in optimizer.param_groups for parameter in group["params"]]
        assert sorted(seen) == sorted(id(parameter) for parameter in trained.parameters())
        for group in optimizer.param_groups:
            assert group["weight_decay"] == 0 or all(p.ndim > 1 for p in group["params"])


def test_layer_decay_slows_the_lower_layers():
    trained = objective()
    optimizer = create_optimizer(trained, OptimizerConfig(layer_decay=0.5))
    scale = {id(p): group["lr_scale"] for group in optimizer.param_groups for p in group["params"]}
    trunk = trained.model.trunk
    assert scale[id(trunk.patch_embed.proj.weight)] < scale[id(trunk.blocks[1].mlp.fc1.weight)]
    assert scale[id(trained.proxies["concept"])] == 1


def test_moving_average_follows_the_parameters():
    module = torch.nn.Linear(2, 2)
    average = MovingAverage(module, decay=0.99)
    with torch.no_grad():
        module.weight.fill_(1.0)
    for step in range(2000):
        average.update(step)
    torch.testing.assert_close(average.tensors["weight"], module.weight.detach())
