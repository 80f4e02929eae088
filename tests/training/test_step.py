"""The step waits for nothing that the device computes, and a loss that is not finite reaches no weight."""

import itertools
import json

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from builders.trainers import BATCH, batches, make_trainer, one_process, parameters_of
from vitrail.errors import TrainingError
from vitrail.training import CheckpointConfig, ComputeConfig, OptimizerConfig, ScheduleConfig
from vitrail.training.distributed import Process
from vitrail.training.job import list_checkpoints
from vitrail.training.step.readings import Readings


@pytest.fixture(scope="module")
def process():
    with one_process() as process:
        yield process


class NothingIsRead(TorchDispatchMode):
    """Raises where a CUDA tensor's value, or a shape that depends on it, would be waited for."""

    READS = frozenset(
        {
            torch.ops.aten._local_scalar_dense.default,
            torch.ops.aten.nonzero.default,
            torch.ops.aten.masked_select.default,
            torch.ops.aten._unique2.default,
        }
    )

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function in self.READS:
            raise AssertionError(f"{function} waits for the device")
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("read", [lambda x: x.item(), bool, float, lambda x: x[x > 0], lambda x: x.unique()])
def test_the_guard_sees_what_waits(read):
    with pytest.raises(AssertionError, match="waits for the device"), NothingIsRead():
        read(torch.ones(()))


@pytest.mark.parametrize("strategy", ["ddp", "fsdp2"])
@pytest.mark.parametrize("optimizer", [OptimizerConfig(ema_decay=0.9), OptimizerConfig(name="sgd", clip_norm=None)])
def test_nothing_is_read_between_two_lines_of_the_log(optimizer, strategy, process, tmp_path, monkeypatch):
    guard = NothingIsRead()
    trainer = make_trainer(
        tmp_path,
        process,
        optimizer=optimizer,
        compute=ComputeConfig(strategy=strategy),
        schedule=ScheduleConfig(num_steps=6, batch_size=BATCH, accumulation=2),
        log_every_steps=3,
    )
    step, num_guarded = trainer._step, 0

    def guarded(*given):
        nonlocal num_guarded
        num_guarded += 1
        with guard:
            step(*given)

    monkeypatch.setattr(trainer, "_step", guarded)
    assert trainer.run(lambda: False)
    assert num_guarded == 6


class ValuesAreReadError(Exception):
    """Somebody asked for values."""


@pytest.mark.parametrize(("loss", "num_sampled"), [("softmax", 0), ("softmax", 4), ("sigmoid", 0)])
def test_a_device_whose_values_nobody_can_have_takes_every_step(loss, num_sampled, process, tmp_path, monkeypatch):
    """On `meta` tensors have no values: whatever waited for one, or copied one to the host, would raise."""
    nowhere = Process(rank=0, world_size=1, device=torch.device("meta"), files=process.files)
    trainer = make_trainer(
        tmp_path,
        nowhere,
        loss=loss,
        num_sampled=num_sampled,
        optimizer=OptimizerConfig(name="sgd"),
        schedule=ScheduleConfig(num_steps=9, batch_size=BATCH),
        checkpoint=CheckpointConfig(every_steps=9),
        log_every_steps=5,
    )
    kept = []

    def read(readings):
        kept.append(len(readings._kept))
        raise ValuesAreReadError

    monkeypatch.setattr(Readings, "read", read)
    with pytest.raises(ValuesAreReadError):
        trainer.run(lambda: False)
    assert kept == [5]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("num_sampled", [0, 4])
@pytest.mark.parametrize("strategy", ["ddp", "fsdp2"])
def test_nothing_is_compiled_again_after_the_first_step(strategy, num_sampled, process, tmp_path, monkeypatch):
    torch._dynamo.reset()
    real = torch.compile
    # The tracer is real; the C++ compiler behind it is torch's and would take half a minute.
    monkeypatch.setattr(torch, "compile", lambda *given, **named: real(*given, **{**named, "backend": "aot_eager"}))
    trainer = make_trainer(
        tmp_path,
        process,
        num_labels=50,
        num_sampled=num_sampled,  # as many candidates whatever a batch holds
        compute=ComputeConfig(compile=True, strategy=strategy),
        schedule=ScheduleConfig(num_steps=5, batch_size=BATCH),
    )
    num_graphs = []
    trainer._after_step = lambda *_: num_graphs.append(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    assert trainer.run(lambda: False)
    assert num_graphs[0] > before
    assert num_graphs[1:] == [num_graphs[0]] * 4


def without_a_finite_loss(step):
    """The usual batches, but that the labels of one step weigh infinitely much."""

    def reader(position):
        for number, batch in enumerate(batches(position)):
            if number == step:
                batch.targets["annotations/weights"][3] = float("inf")
            yield batch

    return reader


@pytest.mark.parametrize("strategy", ["ddp", "fsdp2"])
@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_a_loss_that_is_not_finite_is_noticed_later_and_has_changed_no_weight(name, strategy, process, tmp_path):
    changes = {
        "optimizer": OptimizerConfig(name=name, learning_rate=0.01),
        "compute": ComputeConfig(strategy=strategy),
        "checkpoint": CheckpointConfig(every_steps=2),
        "schedule": ScheduleConfig(num_steps=12, batch_size=BATCH, shape="linear"),
    }
    steps = itertools.count(1)
    good = make_trainer(tmp_path / "good", process, **changes)
    assert not good.run(lambda: next(steps) == 3)
    bad = make_trainer(tmp_path / "bad", process, reader=without_a_finite_loss(3), log_every_steps=5, **changes)
    with pytest.raises(TrainingError, match=r"the loss of step 4 is not finite.*00000/image-3-0"):
        bad.run(lambda: False)
    assert torch.equal(parameters_of(bad), parameters_of(good))
    assert [path.name for path in list_checkpoints(tmp_path / "bad" / "checkpoints")] == ["step-00000002"]
    assert not (tmp_path / "bad" / "training.jsonl").read_text()


def test_steps_after_a_bad_one_change_nothing_either(process, tmp_path):
    steps = itertools.count(1)
    good = make_trainer(tmp_path / "good", process)
    assert not good.run(lambda: next(steps) == 1)
    bad = make_trainer(tmp_path / "bad", process, reader=without_a_finite_loss(1), log_every_steps=3)
    with pytest.raises(TrainingError, match="the loss of step 2 is not finite"):
        bad.run(lambda: False)
    assert torch.equal(parameters_of(bad), parameters_of(good))


def test_a_gradient_that_is_not_finite_is_no_better(process, tmp_path):
    trainer = make_trainer(tmp_path, process)
    weight = trainer._objective.model.trunk.blocks[0].mlp.fc1.weight
    weight.register_hook(lambda gradient: gradient * float("inf"))
    before = parameters_of(trainer)
    with pytest.raises(TrainingError, match=r"the gradient of step 1 is not finite.*gradient norm="):
        trainer.run(lambda: False)
    assert torch.equal(parameters_of(trainer), before)


def test_the_next_batch_is_asked_for_before_a_step_is_over_and_none_too_many(process, tmp_path):
    asked = []

    def reader(position):
        for number, batch in enumerate(batches(position)):
            asked.append(number)
            yield batch

    trainer = make_trainer(tmp_path, process, reader=reader)
    seen = []
    trainer._after_step = lambda *_: seen.append(len(asked))
    assert trainer.run(lambda: False)
    assert seen == [2, 3, 3]


def test_what_is_logged_of_several_steps_is_their_mean(process, tmp_path):
    lines = {}
    for every in (1, 3):
        work = tmp_path / str(every)
        assert make_trainer(work, process, log_every_steps=every).run(lambda: False)
        lines[every] = [json.loads(line) for line in (work / "training.jsonl").read_text().splitlines()]
    assert len(lines[1]) == 3
    [line] = lines[3]
    assert line["loss"] == pytest.approx(sum(one["loss"] for one in lines[1]) / 3)
    assert line["grad_norm"] == lines[1][-1]["grad_norm"]
    assert line["label_values"] == lines[1][-1]["label_values"] == 3 * 2 * BATCH
