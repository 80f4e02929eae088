"""The training loop in this process, on tensors: every switch of a recipe does what it says."""

import itertools
import json

import pytest
import torch

from builders.trainers import BATCH, batches, make_trainer, one_process, parameters_of
from vitrail.errors import CorpusError, TrainingError
from vitrail.training import CheckpointConfig, ComputeConfig, OptimizerConfig, ScheduleConfig


@pytest.fixture(scope="module")
def process():
    with one_process() as process:
        yield process


def train(work, process, **changes):
    trainer = make_trainer(work, process, **changes)
    assert trainer.run(lambda: False)
    return trainer, [json.loads(line) for line in (work / "training.jsonl").read_text().splitlines()]


def losses(lines):
    return [line["loss"] for line in lines]


@pytest.fixture(scope="module")
def plain(process, tmp_path_factory):
    return train(tmp_path_factory.mktemp("plain"), process)[1]


def test_bf16_rounds_the_loss_and_no_more(plain, process, tmp_path):
    trainer, lines = train(tmp_path, process, compute=ComputeConfig(precision="bf16"))
    assert losses(lines) != losses(plain)
    assert losses(lines) == pytest.approx(losses(plain), rel=0.02)
    assert {parameter.dtype for parameter in trainer.trained_model().parameters()} == {torch.float32}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("strategy", ["ddp", "fsdp2"])
def test_compile_traces_the_objective_and_keeps_the_loss(strategy, plain, process, tmp_path, monkeypatch):
    torch._dynamo.reset()
    real = torch.compile
    # The tracer is real; the C++ compiler behind it is torch's and would take half a minute.
    monkeypatch.setattr(torch, "compile", lambda *given, **named: real(*given, **{**named, "backend": "aot_eager"}))
    before = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    _, lines = train(tmp_path, process, compute=ComputeConfig(compile=True, strategy=strategy))
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > before
    assert losses(lines) == pytest.approx(losses(plain), rel=1e-4)


def test_activation_checkpointing_runs_the_blocks_again(process, tmp_path):
    calls = {}
    for is_on in (False, True):
        trainer = make_trainer(tmp_path / str(is_on), process, compute=ComputeConfig(activation_checkpointing=is_on))
        seen = calls[is_on] = []
        trainer._objective.model.trunk.blocks[0].mlp.register_forward_pre_hook(lambda *_, seen=seen: seen.append(1))
        trainer.run(lambda: False)
    assert len(calls[True]) == 2 * len(calls[False]) == 6


def test_sgd_takes_a_step_of_the_clipped_gradient(process, tmp_path):
    """Rate 1 without momentum or decay: the parameters move by the gradient itself."""
    schedule = ScheduleConfig(num_steps=1, batch_size=BATCH)
    for clip_norm in (None, 1e-3):
        optimizer = OptimizerConfig(name="sgd", learning_rate=1.0, momentum=0.0, weight_decay=0.0, clip_norm=clip_norm)
        trainer = make_trainer(tmp_path / str(clip_norm), process, optimizer=optimizer, schedule=schedule)
        before = parameters_of(trainer)
        assert trainer.run(lambda: False)
        [line] = [json.loads(text) for text in (tmp_path / str(clip_norm) / "training.jsonl").read_text().splitlines()]
        moved = float((parameters_of(trainer) - before).norm())
        assert line["grad_norm"] > 0.01  # before clipping
        assert moved == pytest.approx(clip_norm or line["grad_norm"], rel=1e-3)


def test_the_average_is_what_is_served(process, tmp_path):
    trainer, _ = train(tmp_path, process, optimizer=OptimizerConfig(ema_decay=0.9))
    served = trainer.trained_model().trunk.blocks[0].mlp.fc1.weight
    last = trainer._objective.model.trunk.blocks[0].mlp.fc1.weight
    torch.testing.assert_close(served, trainer._average.tensors["model.trunk.blocks.0.mlp.fc1.weight"])
    assert not torch.equal(served, last)


@pytest.mark.parametrize("loss", ["softmax", "sigmoid"])
def test_both_losses_fall(loss, process, tmp_path):
    same = list(itertools.islice(batches(), 1))
    changes = {
        "schedule": ScheduleConfig(num_steps=6, batch_size=BATCH),
        "optimizer": OptimizerConfig(learning_rate=0.01),
        "reader": lambda position: itertools.repeat(same[0]),
    }
    _, lines = train(tmp_path, process, loss=loss, **changes)
    assert losses(lines)[-1] < 0.9 * losses(lines)[0]


@pytest.mark.parametrize("strategy", ["ddp", "fsdp2"])
def test_a_head_of_200_000_labels_computes_a_sample_of_them(strategy, process, tmp_path):
    num_labels, num_sampled = 200_000, 50
    schedule = ScheduleConfig(num_steps=1, batch_size=BATCH)
    optimizer = OptimizerConfig(weight_decay=0.0)
    trainer = make_trainer(
        tmp_path,
        process,
        num_labels=num_labels,
        num_sampled=num_sampled,
        schedule=schedule,
        optimizer=optimizer,
        compute=ComputeConfig(strategy=strategy),
    )
    assert trainer.run(lambda: False)
    weight = trainer.trained_model().heads["annotations"].weight
    touched = set(weight.detach().abs().sum(dim=1).nonzero().flatten().tolist())
    labels = set(next(batches(0, num_labels)).targets["annotations"].flatten().tolist())
    assert labels <= touched
    assert len(touched) == len(labels) + num_sampled
    [line] = [json.loads(text) for text in (tmp_path / "training.jsonl").read_text().splitlines()]
    assert line["loss"] == pytest.approx(float(torch.log(torch.tensor(num_labels))), rel=1e-3)  # as of the whole head


def test_a_profile_of_the_steps_by_flag(process, tmp_path):
    train(tmp_path, process, profile_steps=1)
    names = {event.get("name") for event in json.loads((tmp_path / "trace.json").read_text())["traceEvents"]}
    assert "aten::scaled_dot_product_attention" in names


def test_totals_go_on_after_a_restart(process, tmp_path):
    steps = iter([False, True])
    first = make_trainer(tmp_path, process)
    assert not first.run(lambda: next(steps))
    before = json.loads((tmp_path / "training.jsonl").read_text().splitlines()[-1])
    _, lines = train(tmp_path, process)
    assert [line["step"] for line in lines] == [1, 2, 3]
    last = lines[-1]
    assert last["seconds"] > before["seconds"]
    assert last["device_seconds"] == pytest.approx(last["seconds"])
    assert (last["bytes_read"], last["label_rows"], last["label_values"]) == (3 * 800, 3 * 8, 3 * 16)


def test_an_error_of_the_reader_names_the_step(process, tmp_path):
    def damaged(position):
        yield next(batches(position))
        raise CorpusError("shard 00003, image a: the tar changed since indexing")

    with pytest.raises(CorpusError, match="train, step 2: shard 00003, image a"):
        make_trainer(tmp_path, process, reader=damaged).run(lambda: False)


@pytest.mark.parametrize("is_blocked", [False, True])
def test_an_error_is_raised_after_the_checkpoint_that_is_being_written(is_blocked, process, tmp_path):
    place = tmp_path / "checkpoints" / "step-00000001"

    def damaged(position):
        yield next(batches(position))
        if is_blocked:
            (place / "other").mkdir(parents=True)
        raise CorpusError("shard 00003")

    with pytest.raises(CorpusError, match="train, step 2: shard 00003"):
        make_trainer(tmp_path, process, reader=damaged, checkpoint=CheckpointConfig(every_steps=1)).run(lambda: False)
    assert (place / "progress.json").exists() != is_blocked


def test_a_log_that_cannot_be_written_names_the_step(process, tmp_path):
    (tmp_path / ".training.jsonl").symlink_to("/dev/full")
    trainer = make_trainer(tmp_path, process)
    with pytest.raises(TrainingError, match=r"log of step 1 could not be written.*No space left"):
        trainer.run(lambda: False)
