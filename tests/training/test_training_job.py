"""Jobs: what identifies a training, and what is left when it ended."""

import dataclasses
import json

import pytest

from builders.training_jobs import LINEAGE, launch, pretrain_config
from vitrail.contracts.codec import decode, encode
from vitrail.corpus.reader.config import OrderConfig, ReaderConfig
from vitrail.errors import TrainingError
from vitrail.training import (
    ComputeConfig,
)
from vitrail.training.job import PretrainJob
from vitrail.training.local_launch import collect_result
from vitrail.training.metrics import MetricLog
from vitrail.training.resume import artifact_fields, identify
from vitrail.training.stages import pretrain_job


def test_identity_is_what_is_trained_not_how(mini_corpus, word_labels):
    def identity(**changes) -> str:
        config = pretrain_config(**changes)
        return identify(pretrain_job(corpus=mini_corpus, labels=word_labels, config=config, lineage=LINEAGE))

    assert identity() == identity(launch=launch(num_processes=2), compute=ComputeConfig(precision="bf16"))
    assert identity() == identity(reader=ReaderConfig(max_bad_images=999, verify_digests=False, batches_ahead=1))
    schedule = pretrain_config().schedule
    assert identity() == identity(schedule=dataclasses.replace(schedule, accumulation=2))
    assert identity() != identity(seed=1)
    assert identity() != identity(target_weighting="uniform")
    assert identity() != identity(reader=ReaderConfig(order=OrderConfig(window=16)))
    assert identity() != identity(schedule=dataclasses.replace(schedule, num_steps=13))


def test_an_artifact_is_reused_wherever_it_was_trained_and_made_anew_for_a_profile():
    def of(**changes):
        return artifact_fields(pretrain_config(**changes))

    assert of() == of(launch=launch(num_processes=2), compute=ComputeConfig(strategy="fsdp2"))
    assert of() != of(seed=1)
    assert of() != of(profile_steps=2)


def test_job_survives_json(mini_corpus, word_labels):
    job = pretrain_job(corpus=mini_corpus, labels=word_labels, config=pretrain_config(), lineage=LINEAGE)
    assert decode(PretrainJob, json.loads(json.dumps(encode(job))), "test") == job


def test_a_job_that_ended_without_a_word_says_where_it_goes_on(tmp_path):
    with pytest.raises(TrainingError, match="exit code 9; there is no checkpoint yet"):
        collect_result(tmp_path, tmp_path / "out", "exit code 9")
    (tmp_path / "checkpoints" / "step-00000500").mkdir(parents=True)
    with pytest.raises(TrainingError, match="exit code 9; start again to continue from step-00000500"):
        collect_result(tmp_path, tmp_path / "out", "exit code 9")


def test_metrics_after_the_checkpoint_are_written_again(tmp_path):
    path = tmp_path / "training.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"st')
    log = MetricLog(path, step=2)
    log.write({"step": 3, "loss": 1.0})
    log.close()
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, 3]
