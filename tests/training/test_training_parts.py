"""The pure parts of training: schedules, groups, rows, metrics, plans."""

import dataclasses
import itertools
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch

from builders.training_jobs import LINEAGE, TRANSFORMS, TRUNK, finetune_config, launch, pretrain_config, write_features
from vitrail.contracts.codec import decode, encode, load, save
from vitrail.contracts.labels import VOCABULARY_SCHEMA, LabelDiff, LabelSetManifest
from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import HeadSpec
from vitrail.corpus import Corpus, open_corpus
from vitrail.corpus.evaluation_copies import train_rows
from vitrail.corpus.reader.balance import balance_weights
from vitrail.corpus.reader.config import OrderConfig, ReaderConfig
from vitrail.corpus.reader.targets import SidecarTargets
from vitrail.errors import ConfigError, CorpusError, LabelError, TrainingError
from vitrail.models import VitrailModel
from vitrail.recipes import find_recipe
from vitrail.tasks import TaskSpec, find_loss
from vitrail.training import (
    HARDWARE,
    ComputeConfig,
    CorpusNumbers,
    FinetuneConfig,
    LaunchConfig,
    OptimizerConfig,
    ScheduleConfig,
    measure_corpus,
    plan_training,
    pretrain_backbone,
)
from vitrail.training.finetuning import assign_finetuning
from vitrail.training.finetuning_rows import class_weights, finetuning_rows, task_classes
from vitrail.training.job import BlendedCorpus, PretrainJob
from vitrail.training.label_idf import label_idf
from vitrail.training.local_launch import collect_result, elastic_arguments
from vitrail.training.metrics import MetricLog
from vitrail.training.objective import Objective
from vitrail.training.optimization import MovingAverage, create_optimizer, learning_rate_factor
from vitrail.training.pretraining import assign_pretraining
from vitrail.training.pretraining_rows import pretraining_rows, pretraining_weights
from vitrail.training.resume import artifact_fields, identify
from vitrail.training.stages import finetune_job, pretrain_job
from vitrail.training.trainjob import pod_command


def test_learning_rate_rises_and_falls_to_zero():
    for shape in ("cosine", "linear"):
        schedule = ScheduleConfig(num_steps=100, batch_size=8, warmup_steps=10, shape=shape)
        factors = [learning_rate_factor(step, schedule) for step in range(100)]
        assert factors[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
        assert factors[10] == 1
        assert all(later < earlier for earlier, later in itertools.pairwise(factors[10:]))
        assert 0 < factors[-1] < 0.02


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


def objective() -> Objective:
    torch.manual_seed(0)
    head = HeadSpec(name="embedding", kind="retrieval", dim=8)
    task = TaskSpec(name="concept", head="embedding", loss=find_loss("proxies", "retrieval"), num_classes=3)
    return Objective(VitrailModel(TRUNK, TRANSFORMS, [head]), [task])


def test_a_job_that_ended_without_a_word_says_where_it_goes_on(tmp_path):
    with pytest.raises(TrainingError, match="exit code 9; there is no checkpoint yet"):
        collect_result(tmp_path, tmp_path / "out", "exit code 9")
    (tmp_path / "checkpoints" / "step-00000500").mkdir(parents=True)
    with pytest.raises(TrainingError, match="exit code 9; start again to continue from step-00000500"):
        collect_result(tmp_path, tmp_path / "out", "exit code 9")


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


def test_metrics_after_the_checkpoint_are_written_again(tmp_path):
    path = tmp_path / "training.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n{"step": 3}\n{"st')
    log = MetricLog(path, step=2)
    log.write({"step": 3, "loss": 1.0})
    log.close()
    assert [json.loads(line)["step"] for line in path.read_text().splitlines()] == [1, 2, 3]


def test_rows_are_those_of_the_split(mini_corpus):
    corpus = open_corpus(mini_corpus)
    rows = train_rows(corpus, drop_evaluation_copies=False).rows()
    assert set(corpus.splits()["split"].take(pa.array(rows)).to_pylist()) == {"train"}
    assert len(rows) == corpus.splits()["split"].to_pylist().count("train")


def test_copies_of_evaluation_images_are_dropped(mini_corpus, monkeypatch):
    corpus = open_corpus(mini_corpus)
    rows = train_rows(corpus, drop_evaluation_copies=True).rows()
    held_out = pc.index(corpus.splits()["split"], "test").as_py()
    digests = corpus.index()["digest"].to_pylist()
    digests[rows[0]] = digests[held_out]
    _, *rest = starts = np.cumsum([0, *(shard.num_images for shard in corpus.manifest.shards)])
    indices = {
        shard.name: corpus.shard_index(shard.name).set_column(6, "digest", pa.array(digests[start:stop]))
        for shard, start, stop in zip(corpus.manifest.shards, starts, rest, strict=False)
    }
    monkeypatch.setattr(corpus, "index_columns", lambda shard, *names: indices[shard].select(names))
    np.testing.assert_array_equal(train_rows(corpus, drop_evaluation_copies=True).rows(), rows[1:])


def test_splits_in_another_order_are_refused(mini_corpus, tmp_path):
    folder = shutil.copytree(mini_corpus, tmp_path / "corpus")
    splits = open_corpus(folder).splits()
    pq.write_table(splits.sort_by([("image_id", "descending")]), folder / "splits.parquet")
    with pytest.raises(CorpusError, match="does not have the images of shard 00000 in its order"):
        train_rows(open_corpus(folder), drop_evaluation_copies=False)


def test_rows_are_worked_out_once_and_whole(mini_corpus, word_labels, tmp_path, monkeypatch):
    corpus, targets = open_corpus(mini_corpus), SidecarTargets(word_labels)
    config = pretrain_config(balance="uniform")
    for name in ("index", "splits"):
        monkeypatch.setattr(Corpus, name, None)  # a billion rows at once

    def fail_half_way(*args, **options):
        yield np.ones(10)
        raise LabelError("a sidecar is gone")

    monkeypatch.setattr("vitrail.training.pretraining_rows.balance_weights", fail_half_way)
    rows = pretraining_rows(corpus, targets, config, tmp_path)
    with pytest.raises(LabelError, match="a sidecar is gone"):
        pretraining_weights(corpus, targets, config, rows, tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".rows"]
    monkeypatch.setattr("vitrail.training.pretraining_rows.balance_weights", balance_weights)
    weights = pretraining_weights(corpus, targets, config, rows, tmp_path)
    assert len(weights) == len(rows)
    monkeypatch.setattr(Corpus, "index_columns", None)
    again = pretraining_rows(corpus, targets, config, tmp_path)
    np.testing.assert_array_equal(again.rows(), rows.rows())
    np.testing.assert_array_equal(pretraining_weights(corpus, targets, config, again, tmp_path), weights)


def test_class_weights_even_out_classes(mini_corpus):
    corpus = open_corpus(mini_corpus)
    rows = train_rows(corpus, drop_evaluation_copies=False).rows()
    labels = corpus.task_labels("skin_tone")
    tone = dict(zip(labels["image_id"].to_pylist(), labels["label"].to_pylist(), strict=True))
    rows = np.array([row for row in rows if corpus.index()["image_id"][int(row)].as_py() in tone])
    weights = class_weights(corpus, "skin_tone", rows, 1.0)
    mass: dict[str, float] = {}
    for row, weight in zip(rows, weights, strict=True):
        label = tone[corpus.index()["image_id"][int(row)].as_py()]
        mass[label] = mass.get(label, 0.0) + weight
    assert list(mass.values()) == pytest.approx([len(rows) / len(mass)] * len(mass))


@pytest.mark.parametrize("balance", ["natural", "square_root", "uniform"])
def test_the_recipe_balances_pretraining_by_weights(mini_corpus, word_labels, balance, tmp_path):
    config = pretrain_config(balance=balance, balance_threshold=0.5)
    job = pretrain_job(corpus=mini_corpus, labels=word_labels, config=config, lineage=LINEAGE)
    (source,) = assign_pretraining(job, tmp_path).sources
    if balance == "natural":
        assert source.sample_weights is None
        return
    targets = SidecarTargets(word_labels)
    parts = balance_weights(source.corpus, targets, balance, threshold=0.5, selection=source.rows)
    expected = np.concatenate(list(parts))
    np.testing.assert_array_equal(source.sample_weights, expected)
    assert 1 <= expected.min() < expected.max()


def test_a_blend_has_the_labels_of_all_corpora(mini_corpus, word_labels, other_labels, tmp_path):
    blend = [BlendedCorpus(corpus=str(mini_corpus), labels=str(other_labels), weight=0.5)]
    job = pretrain_job(corpus=mini_corpus, labels=word_labels, config=pretrain_config(), lineage=LINEAGE, blend=blend)
    assignment = assign_pretraining(job, tmp_path)
    (head,) = assignment.objective.model.specs
    assert (head.label_ids[0], head.label_ids[-1], head.classes[-1]) == (1000, 9000, "another")
    assert len(head.label_ids) == head.dim == len(set(head.label_ids))
    assert [source.weight for source in assignment.sources] == [1, 0.5]
    own, other = (source.targets[0] for source in assignment.sources)
    shard = open_corpus(mini_corpus).manifest.shards[0]
    ids = open_corpus(mini_corpus).shard_index(shard.name)["image_id"].combine_chunks()
    rows = np.arange(shard.num_images)
    outputs = [targets.lookup(shard.name, ids, rows)["annotations"].numpy() for targets in (own, other)]
    assert (outputs[0] == 0).any()
    np.testing.assert_array_equal(np.where(outputs[0] == 0, head.dim - 1, outputs[0]), outputs[1])
    heavier = dataclasses.replace(job, blend=(dataclasses.replace(job.blend[0], weight=0.6),))
    assert identify(heavier) != identify(job)


def test_a_blend_pads_to_the_longest_lists_of_its_label_sets(mini_corpus, word_labels, other_labels, tmp_path):
    wider = shutil.copytree(other_labels, tmp_path / "wider")
    save(wider / "labels.json", dataclasses.replace(load(LabelSetManifest, wider / "labels.json"), max_labels=40))
    blend = [BlendedCorpus(corpus=str(mini_corpus), labels=str(wider), weight=1.0)]
    job = pretrain_job(corpus=mini_corpus, labels=word_labels, config=pretrain_config(), lineage=LINEAGE, blend=blend)
    sources = assign_pretraining(job, tmp_path).sources
    assert [source.targets[0].unlabelled(1)["annotations"].shape for source in sources] == [(1, 40), (1, 40)]


def test_rarity_is_that_of_the_label_set_or_of_all_blended_ones_together(mini_corpus, mini_labels, tmp_path):
    vocabulary = pq.read_table(mini_labels / "vocabulary.parquet")
    idf = vocabulary["idf"].to_numpy()
    job = pretrain_job(
        corpus=mini_corpus, labels=mini_labels, config=pretrain_config(target_weighting="idf"), lineage=LINEAGE
    )
    [weights] = assign_pretraining(job, tmp_path).objective.buffers(recurse=False)
    np.testing.assert_allclose(weights.numpy(), idf / idf.max(), rtol=1e-5)

    ids = vocabulary["label_id"].to_pylist()
    other = shutil.copytree(mini_labels, tmp_path / "other")
    pq.write_table(vocabulary.slice(0, 1), other / "vocabulary.parquet")  # the second corpus has the first label alone
    frequency = vocabulary["frequency"].to_numpy().copy()
    frequency[0] *= 2
    expected = np.log(2 * load(LabelSetManifest, other / "labels.json").num_images / frequency)
    pooled = label_idf([mini_labels, other], ids).numpy()
    np.testing.assert_allclose(pooled, expected / expected.max(), rtol=1e-5)
    assert pooled[0] == pytest.approx(idf[0] / expected.max())  # as rare in both as in each


def test_a_blend_refuses_labels_of_another_corpus(mini_corpus, word_labels, tmp_path):
    alien = shutil.copytree(word_labels, tmp_path / "labels")
    manifest = dataclasses.replace(load(LabelSetManifest, alien / "labels.json"), corpus_digest="elsewhere")
    save(alien / "labels.json", manifest)
    blend = [BlendedCorpus(corpus=str(mini_corpus), labels=str(alien), weight=1)]
    with pytest.raises(LabelError, match="was derived from corpus elsewhere"):
        pretrain_job(corpus=mini_corpus, labels=word_labels, config=pretrain_config(), lineage=LINEAGE, blend=blend)


def test_a_blend_refuses_labels_that_ids_do_not_tell_apart(mini_corpus, word_labels, other_labels, tmp_path):
    def blend_with(name, previous="", **changes):
        folder = shutil.copytree(other_labels, tmp_path / name)
        rows = pq.read_table(folder / "vocabulary.parquet").to_pylist()
        rows[0] |= changes
        pq.write_table(pa.Table.from_pylist(rows, schema=VOCABULARY_SCHEMA), folder / "vocabulary.parquet")
        moves = LabelDiff(
            kept=(), merged={}, split={}, new=(), lost=(), churn=0, old_digest=previous, new_digest="", tail_mass=(0, 0)
        )
        save(folder / "diff.json", moves)
        blend = [BlendedCorpus(corpus=str(mini_corpus), labels=str(folder), weight=1)]
        options = {"config": pretrain_config(), "lineage": LINEAGE, "blend": blend}
        return pretrain_job(corpus=mini_corpus, labels=word_labels, **options)

    word = pq.read_table(word_labels / "vocabulary.parquet")["term"][0].as_py()
    with pytest.raises(LabelError, match=rf"label '{word}' is 9000 in .* and 1000 in .* --previous"):
        blend_with("twice", term=word)
    with pytest.raises(LabelError, match=rf"label 1000 is 'zebra' in .* and '{word}' in .* share no term"):
        blend_with("other", label_id=1000, term="zebra", members=["zebra"])
    assert blend_with("renamed", label_id=1000, term="zebra", members=["zebra", word]).blend
    assert blend_with("derived", previous="words", label_id=1000, term="zebra", members=["zebra"]).blend


def test_proxies_are_for_training_labels_only(mini_corpus):
    corpus = open_corpus(mini_corpus)
    rows = train_rows(corpus, drop_evaluation_copies=False).rows()
    classes = task_classes(corpus, "concept", rows)
    all_labels = set(corpus.task_labels("concept")["label"].to_pylist())
    assert 0 < len(classes) < len(all_labels)
    assert list(classes) == sorted(classes)


def test_smaller_shares_of_concepts_are_nested_and_whole(mini_corpus):
    corpus = open_corpus(mini_corpus)
    groups = np.array(corpus.splits()["group"].to_pylist())
    rows = {share: finetuning_rows(corpus, share) for share in (0.2, 0.5, 1.0)}
    assert set(rows[0.2]) < set(rows[0.5]) < set(rows[1.0])
    assert list(rows[1.0]) == list(train_rows(corpus, drop_evaluation_copies=False).rows())
    for share in (0.2, 0.5):
        kept = set(groups[rows[share]])
        assert set(rows[share]) == {row for row in rows[1.0] if groups[row] in kept}
        assert len(kept) / len(set(groups[rows[1.0]])) == pytest.approx(share, abs=0.15)


def test_concepts_that_are_left_out_are_left_out_of_every_task(mini_corpus):
    config = finetune_config(labelled_share=0.5)
    job = finetune_job(corpus=mini_corpus, labels=None, features=None, backbone=None, config=config, lineage=LINEAGE)
    kept = set(finetuning_rows(open_corpus(mini_corpus), 0.5).tolist())
    assignment = assign_finetuning(job)
    assert all(set(source.rows.tolist()) <= kept for source in assignment.sources)
    whole = assign_finetuning(dataclasses.replace(job, config=finetune_config()))
    pairs = zip(assignment.objective.tasks, whole.objective.tasks, strict=True)
    assert {own.name: own.num_classes < full.num_classes for own, full in pairs} == {
        "skin_tone": False,
        "category": False,
        "concept": True,
    }


def test_an_image_without_a_group_is_one_of_its_own(mini_corpus, tmp_path):
    shutil.copytree(mini_corpus, tmp_path / "corpus")
    splits = open_corpus(mini_corpus).splits()
    alone = splits.set_column(1, "group", pa.nulls(len(splits), pa.string()))
    pq.write_table(alone, tmp_path / "corpus" / "splits.parquet")
    kept = len(finetuning_rows(open_corpus(tmp_path / "corpus"), 0.5))
    assert kept / len(finetuning_rows(open_corpus(mini_corpus), 1.0)) == pytest.approx(0.5, abs=0.15)


def test_a_share_without_any_concept_is_refused(mini_corpus):
    with pytest.raises(TrainingError, match="labelled_share=1e-09 of the groups"):
        finetuning_rows(open_corpus(mini_corpus), 1e-9)


def test_weak_labels_of_the_features_stay_in_training(mini_corpus, word_labels, tmp_path):
    corpus = open_corpus(mini_corpus)
    write_features(tmp_path / "features", corpus, [1003, 1001])
    job = finetune_job(
        corpus=mini_corpus,
        labels=word_labels,
        features=tmp_path / "features",
        backbone=None,
        config=finetune_config(),
        lineage=LINEAGE,
    )
    assignment = assign_finetuning(job)
    specs = {spec.name: spec for spec in assignment.objective.model.specs}
    assert set(specs) == {"skin_tone", "category", "embedding", "annotations"}
    weak = assignment.sources[0].targets[-1]
    found = weak.lookup("00000", corpus.shard_index("00000")["image_id"].combine_chunks(), np.arange(10))
    labels = found["annotations"].numpy()
    assert {tuple(row[row >= 0]) for row in labels} <= {(), (3, 1)}
    assert (labels[:, 0] == 3).any()


def test_features_without_training_sets_are_refused(mini_corpus, word_labels, tmp_path):
    with pytest.raises(TrainingError, match="training_sets"):
        finetune_job(
            corpus=mini_corpus,
            labels=word_labels,
            features=tmp_path,
            backbone=None,
            config=finetune_config(),
            lineage=LINEAGE,
        )


def test_features_without_their_label_set_are_refused(mini_corpus, tmp_path):
    with pytest.raises(ConfigError, match="name their label set"):
        finetune_job(
            corpus=mini_corpus, labels=None, features=tmp_path, backbone=None, config=finetune_config(), lineage=LINEAGE
        )


def test_labels_of_another_corpus_are_refused(mini_corpus, word_labels, tmp_path):
    manifest = json.loads((word_labels / "labels.json").read_text())
    (tmp_path / "labels.json").write_text(json.dumps({**manifest, "corpus_digest": "0" * 64}))
    with pytest.raises(LabelError, match="derive the labels again"):
        pretrain_backbone(
            corpus=mini_corpus,
            labels=tmp_path,
            out=tmp_path / "out",
            work=tmp_path / "work",
            config=pretrain_config(),
            lineage=Lineage(run_id="test"),
        )


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


PAPER = CorpusNumbers(
    num_images=1_300_000_000, bytes_per_image=60_000, num_labels=10_000, labels_per_image=5, num_classes=1000
)


@pytest.mark.parametrize(
    ("name", "gigamacs", "megaparameters"),
    [("vit_b16_1b", 17.6, 86), ("vit_b32_1b", 4.4, 88), ("vit_l16_1b", 61.6, 304), ("resnext101_1b", 16.5, 87)],
)
def test_plan_counts_what_is_known_of_the_backbones(name, gigamacs, megaparameters):
    config = find_recipe(name).pretrain
    plan = plan_training(config, PAPER, HARDWARE["a100"])
    assert plan.flops_per_image / 6e9 == pytest.approx(gigamacs, rel=0.02)
    head = 10_000 * {"resnext101_1b": 2048, "vit_l16_1b": 1024}.get(name, 768)
    assert (plan.num_parameters - head) / 1e6 == pytest.approx(megaparameters, rel=0.03)
    assert plan.epochs == pytest.approx(1, rel=1e-5)
    assert plan.device_hours == pytest.approx(plan.total_flops / (312e12 * 0.4) / 3600)
    assert plan.checkpoint_bytes >= 12 * plan.num_parameters


def test_backbones_differ_in_trunk_rate_and_name_alone():
    recipes = {name: find_recipe(name) for name in ("vit_b16_1b", "vit_b32_1b", "vit_l16_1b", "resnext101_1b")}
    assert len({recipe.pretrain.architecture.name for recipe in recipes.values()}) == 4
    base = recipes["vit_b16_1b"]
    for name, recipe in recipes.items():
        optimizer = dataclasses.replace(recipe.pretrain.optimizer, learning_rate=base.pretrain.optimizer.learning_rate)
        pretrain = dataclasses.replace(recipe.pretrain, architecture=base.pretrain.architecture, optimizer=optimizer)
        alike = dataclasses.replace(recipe, name=base.name, registry=base.registry, pretrain=pretrain)
        assert alike == base, name


def test_plan_of_finetuning_needs_the_architecture():
    config = FinetuneConfig(schedule=ScheduleConfig(num_steps=1, batch_size=1))
    with pytest.raises(TrainingError, match="architecture"):
        plan_training(config, PAPER, HARDWARE["h100"])


def test_corpus_is_measured(mini_corpus, word_labels):
    numbers = measure_corpus(mini_corpus, word_labels, PAPER)
    corpus = open_corpus(mini_corpus)
    assert numbers.num_images == corpus.splits()["split"].to_pylist().count("train")
    assert numbers.labels_per_image > 1
    assert dataclasses.asdict(numbers)["bytes_per_image"] > 100
    before_labels = measure_corpus(mini_corpus, None, PAPER)
    assert before_labels == dataclasses.replace(numbers, num_labels=10_000, labels_per_image=5)
