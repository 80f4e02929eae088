"""A training that is stopped, killed or moved to other processes goes on as if nothing had happened."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest
import torch

from builders.training_jobs import (
    KillOneRank,
    finetune_config,
    launch,
    pretrain_config,
    read_metrics,
    result_weights,
    start_workers,
    train,
    wait_for_step,
    write_finetune,
    write_pretrain,
)
from vitrail.contracts.codec import load, save
from vitrail.contracts.corpus import CorpusManifest
from vitrail.contracts.labels import LabelSetManifest
from vitrail.contracts.lineage import Lineage
from vitrail.models import load_model
from vitrail.training import CheckpointConfig, ComputeConfig, OptimizerConfig, ScheduleConfig, pretrain_backbone
from vitrail.training.job import BlendedCorpus, list_checkpoints

pytestmark = pytest.mark.distributed


def losses(work) -> list[float]:
    return [line["loss"] for line in read_metrics(work)]


def wait_for_checkpoint(work) -> None:
    deadline = time.monotonic() + 60
    while not list_checkpoints(work / "checkpoints"):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def uninterrupted(mini_corpus, word_labels, tmp_path_factory):
    work = write_pretrain(tmp_path_factory.mktemp("whole") / "work", mini_corpus, word_labels, pretrain_config())
    assert train(work) == [0]
    return work


@pytest.fixture(scope="module")
def uninterrupted_finetuning(mini_corpus, word_labels, uninterrupted, tmp_path_factory):
    config = finetune_config(architecture=None, transforms=None, frozen_steps=4)
    folder = tmp_path_factory.mktemp("tuned") / "work"
    work = write_finetune(folder, mini_corpus, word_labels, config, uninterrupted / "result")
    assert train(work) == [0]
    return work


def test_loss_falls_and_every_step_is_logged(uninterrupted):
    lines = read_metrics(uninterrupted)
    assert [line["step"] for line in lines] == list(range(1, 13))
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert set(lines[0]) >= {"images_per_s", "data_wait_share", "grad_norm", "learning_rate", "memory_bytes"}


def test_checkpoints_are_kept_to_the_limit(uninterrupted):
    assert [path.name for path in list_checkpoints(uninterrupted / "checkpoints")] == [
        "step-00000009",
        "step-00000012",
    ]


def test_kill_9_and_resume_gives_the_same_weights(uninterrupted, mini_corpus, word_labels, tmp_path):
    config = pretrain_config()
    work = write_pretrain(tmp_path / "work", mini_corpus, word_labels, config)
    [process] = start_workers(work)
    wait_for_checkpoint(work)
    process.kill()
    process.join()
    assert not (work / "result").exists()
    assert train(work) == [0]
    torch.testing.assert_close(result_weights(work), result_weights(uninterrupted), rtol=0, atol=0)
    assert losses(work) == losses(uninterrupted)


def test_sigterm_writes_a_checkpoint_and_ends_cleanly(
    uninterrupted_finetuning, uninterrupted, mini_corpus, word_labels, tmp_path
):
    config = finetune_config(architecture=None, transforms=None, frozen_steps=4)
    work = write_finetune(tmp_path / "work", mini_corpus, word_labels, config, uninterrupted / "result")
    [process] = start_workers(work)
    wait_for_step(work, 1)  # while the trunk is frozen, so that the optimizer knows only part of the state
    os.kill(process.pid, signal.SIGTERM)
    process.join()
    assert process.exitcode == 0
    done = len(read_metrics(work))
    assert done < 12
    assert list_checkpoints(work / "checkpoints")[-1].name == f"step-{done:08d}"
    assert train(work) == [0]
    torch.testing.assert_close(result_weights(work), result_weights(uninterrupted_finetuning), rtol=0, atol=0)


def test_frozen_steps_leave_the_trunk_as_it_was(uninterrupted, mini_corpus, word_labels, tmp_path):
    config = finetune_config(
        architecture=None,
        transforms=None,
        frozen_steps=2,
        schedule=ScheduleConfig(num_steps=2, batch_size=16),
        optimizer=OptimizerConfig(),
    )
    work = write_finetune(tmp_path / "work", mini_corpus, word_labels, config, uninterrupted / "result")
    assert train(work) == [0]
    before, after = load_model(uninterrupted / "result")[0], load_model(work / "result")[0]
    torch.testing.assert_close(after.trunk.state_dict(), before.trunk.state_dict(), rtol=0, atol=0)
    assert after.retrieval_spec.dim == 16


@pytest.mark.parametrize("strategy", ["ddp", "fsdp2"])
def test_two_processes_have_the_loss_curve_of_one(
    strategy, uninterrupted_finetuning, uninterrupted, mini_corpus, word_labels, tmp_path
):
    config = finetune_config(
        architecture=None,
        transforms=None,
        frozen_steps=4,
        launch=launch(num_processes=2),
        compute=ComputeConfig(strategy=strategy),
    )
    work = write_finetune(tmp_path / "work", mini_corpus, word_labels, config, uninterrupted / "result")
    assert train(work, num_processes=2) == [0, 0]
    assert losses(work) == pytest.approx(losses(uninterrupted_finetuning), rel=1e-4)


@pytest.mark.parametrize(("first", "second"), [("ddp", "fsdp2"), ("fsdp2", "ddp")])
def test_a_checkpoint_goes_on_in_another_world(first, second, uninterrupted, mini_corpus, word_labels, tmp_path):
    """From one process to two or back, with other micro-batches, replicated or sharded."""
    sizes = {"ddp": 1, "fsdp2": 2}
    work = tmp_path / "work"
    for strategy in (first, second):
        accumulation = 2 // sizes[strategy]
        config = pretrain_config(
            compute=ComputeConfig(strategy=strategy),
            launch=launch(num_processes=sizes[strategy]),
            schedule=dataclasses.replace(pretrain_config().schedule, accumulation=accumulation),
        )
        write_pretrain(work, mini_corpus, word_labels, config)
        processes = start_workers(work, sizes[strategy])
        if strategy == first:
            wait_for_step(work, 2)
            os.kill(processes[0].pid, signal.SIGTERM)
        for process in processes:
            process.join()
        assert [process.exitcode for process in processes] == [0] * sizes[strategy]
    assert losses(work) == pytest.approx(losses(uninterrupted), rel=1e-4)


def test_accumulation_is_one_large_batch(uninterrupted, mini_corpus, word_labels, tmp_path):
    schedule = ScheduleConfig(num_steps=12, batch_size=16, warmup_steps=2, accumulation=4)
    config = pretrain_config(schedule=schedule, compute=ComputeConfig(activation_checkpointing=True))
    work = write_pretrain(tmp_path / "work", mini_corpus, word_labels, config)
    assert train(work) == [0]
    assert losses(work) == pytest.approx(losses(uninterrupted), rel=1e-4)


def test_another_training_does_not_go_on_from_a_checkpoint(uninterrupted, mini_corpus, word_labels, tmp_path):
    work = tmp_path / "work"
    shutil.copytree(uninterrupted, work)
    write_pretrain(work, mini_corpus, word_labels, pretrain_config(seed=1))
    assert train(work) == [1]
    assert "belongs to a training with other data or configuration" in (work / "failure.json").read_text()


def test_a_loss_that_is_not_finite_stops_with_step_and_keys(mini_corpus, word_labels, tmp_path):
    config = pretrain_config(
        optimizer=OptimizerConfig(learning_rate=1e30, clip_norm=None),
        schedule=ScheduleConfig(num_steps=50, batch_size=16),
        checkpoint=CheckpointConfig(every_steps=1),
    )
    work = write_pretrain(tmp_path / "work", mini_corpus, word_labels, config)
    assert train(work) == [1]
    failure = json.loads((work / "failure.json").read_text())
    assert failure["error"] == "TrainingError"
    assert "is not finite" in failure["message"]
    assert "another training, which starts from step 1 in another folder" in failure["message"]
    assert "0000" in failure["message"]
    # The one that was being written when the loss was found to be bad.
    last = list_checkpoints(work / "checkpoints")[-1]
    assert f"the loss of step {int(last.name.removeprefix('step-')) + 1} is" in failure["message"]
    assert (last / ".metadata").exists()


@pytest.fixture
def small_disk(uninterrupted, tmp_path):
    """A folder on a file system of its own, with room for one checkpoint and a half."""
    work = tmp_path / "work"
    work.mkdir()
    [*_, last] = list_checkpoints(uninterrupted / "checkpoints")
    size = 3 * sum(path.stat().st_size for path in last.iterdir()) // 2
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(work)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small disk")
    yield work
    subprocess.run(["umount", "--lazy", str(work)], check=True)


def test_a_full_disk_stops_with_the_step_and_a_restart_goes_on(small_disk, uninterrupted, mini_corpus, word_labels):
    work = write_pretrain(small_disk, mini_corpus, word_labels, pretrain_config())
    assert train(work) == [1]
    message = json.loads((work / "failure.json").read_text())["message"]
    # A checkpoint is written beside training: what it leaves no room for may be a line of the log.
    first = r"the checkpoint of step 6 could not be written .* 0\.\d MB are free.* the next start continues from step-"
    second = r"the log of step \d+ could not .*No space left.* start again to continue from the last checkpoint"
    assert re.search(f"{first}|{second}", message)
    assert [path.name for path in (work / "checkpoints").iterdir()] == ["step-00000003"]
    subprocess.run(["mount", "-o", "remount,size=100m", str(work)], check=True)
    assert train(work) == [0]
    torch.testing.assert_close(result_weights(work), result_weights(uninterrupted), rtol=0, atol=0)
    assert losses(work) == losses(uninterrupted)


def test_a_full_disk_after_the_last_step_loses_nothing(small_disk, mini_corpus, word_labels):
    config = pretrain_config(
        schedule=ScheduleConfig(num_steps=2, batch_size=16), checkpoint=CheckpointConfig(every_steps=2, keep=1)
    )
    work = write_pretrain(small_disk, mini_corpus, word_labels, config)
    room = os.statvfs(work)
    (work / "filler").write_bytes(bytes(room.f_bavail * room.f_frsize // 4))  # the checkpoint fits, the model does not
    assert train(work) == [1]
    message = json.loads((work / "failure.json").read_text())["message"]
    assert message.startswith("pretrain, after the last step: ")
    assert "No space left on device" in message
    (work / "filler").unlink()
    assert train(work) == [0]
    assert len(read_metrics(work)) == 2


def test_the_job_recovers_from_kill_9_of_one_rank_by_itself(mini_corpus, word_labels, tmp_path, monkeypatch):
    """Through the real launcher: torch elastic starts the group again from the last checkpoint."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    work = tmp_path / "work"
    config = pretrain_config(
        launch=launch(num_processes=2, max_restarts=1),
        schedule=ScheduleConfig(num_steps=40, batch_size=16),
        checkpoint=CheckpointConfig(every_steps=10),
    )
    killer = KillOneRank(work)
    killer.start()
    manifest = pretrain_backbone(
        corpus=mini_corpus,
        labels=word_labels,
        out=tmp_path / "out",
        work=work,
        config=config,
        lineage=Lineage(run_id="test"),
    )
    killer.join()
    assert killer.num_killed == 1
    assert load_model(tmp_path / "out")[1] == manifest
    assert [line["step"] for line in read_metrics(tmp_path / "out")] == list(range(1, 41))


def test_a_blend_of_corpora_goes_on_where_it_was(mini_corpus, word_labels, other_labels, tmp_path):
    corpus = shutil.copytree(mini_corpus, tmp_path / "corpus")
    manifest = load(CorpusManifest, corpus / "corpus.json")
    assert len(manifest.shards) > 1
    save(corpus / "corpus.json", dataclasses.replace(manifest, shards=manifest.shards[:1], digest="smaller"))
    labels = shutil.copytree(other_labels, tmp_path / "labels")
    of_corpus = dataclasses.replace(load(LabelSetManifest, labels / "labels.json"), corpus_digest="smaller")
    save(labels / "labels.json", of_corpus)
    blend = [BlendedCorpus(corpus=str(corpus), labels=str(labels), weight=0.5)]
    whole, parted = (
        write_pretrain(tmp_path / name, mini_corpus, word_labels, pretrain_config(), blend=blend)
        for name in ("whole", "parted")
    )
    assert train(whole) == [0]
    (worker,) = start_workers(parted)
    wait_for_checkpoint(parted)
    worker.kill()
    worker.join()
    assert len(read_metrics(parted)) < 12
    assert train(parted, 2) == [0, 0]
    assert losses(parted) == pytest.approx(losses(whole), rel=1e-4)
