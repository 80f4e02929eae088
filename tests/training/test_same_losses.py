"""Losses of the first steps with a fixed seed: what only moves code leaves them as they are."""

import numpy as np
import pytest
import torch

from builders.training_jobs import LINEAGE, finetune_config, pretrain_config, write_features
from vitrail.corpus import open_corpus
from vitrail.training.finetuning import assign_finetuning
from vitrail.training.pretraining import assign_pretraining
from vitrail.training.stages import finetune_job, pretrain_job

NUM_IMAGES = 24
# By case and task: before the first and before the second step of plain gradient descent.
LOSSES = {
    "softmax": {"annotations": (4.63472843170166, 4.500650405883789)},
    "uniform": {"annotations": (4.634728908538818, 4.582095623016357)},
    "idf": {"annotations": (4.634728908538818, 4.615246295928955)},
    "sigmoid": {"annotations": (27.140106201171875, 25.816862106323242)},
    "sampled": {"annotations": (4.63472843170166, 4.484830379486084)},
    "finetune": {
        "skin_tone": (1.7917594909667969, 1.8565729856491089),
        "category": (2.1972246170043945, 2.3499040603637695),
        "concept": (10.590100288391113, 8.190641403198242),
        "annotations": (4.634729862213135, 4.882839202880859),
    },
}
# Sum of the squared sampling weights of each task's training images.
SAMPLING = {"skin_tone": 226.24701650828368, "category": 526.0758336382577, "concept": 621.2546683898037}


def two_losses(assignment):
    """Losses by task on images of noise with the targets of the corpus' first training images."""
    objective = assignment.objective
    generator = torch.Generator().manual_seed(1)
    size = objective.model.transforms.image_size
    images = torch.randint(0, 256, (NUM_IMAGES, 3, size, size), dtype=torch.uint8, generator=generator)
    targets = first_targets(assignment)
    targets |= objective.draw(targets, seed=3)
    counts = {task.name: (targets[task.name] >= 0).reshape(NUM_IMAGES, -1).any(dim=1).sum() for task in objective.tasks}
    found = []
    for _ in range(2):
        losses = objective(images, targets, counts)
        found.append({name: loss.item() for name, loss in losses.items()})
        objective.zero_grad()
        sum(losses.values()).backward()
        with torch.no_grad():
            for parameter in objective.parameters():
                parameter -= 0.05 * parameter.grad
    return {name: (found[0][name], found[1][name]) for name in found[0]}


def first_targets(assignment):
    source = assignment.sources[0]
    shard = source.corpus.manifest.shards[0]
    image_ids = source.corpus.shard_index(shard.name)["image_id"].combine_chunks()
    rows = np.arange(shard.num_images)[:NUM_IMAGES]
    return {name: value for own in source.targets for name, value in own.lookup(shard.name, image_ids, rows).items()}


@pytest.mark.parametrize(
    ("case", "changes"),
    [
        ("softmax", {"loss": "softmax", "target_weighting": "score"}),
        ("uniform", {"loss": "softmax", "target_weighting": "uniform"}),
        ("idf", {"loss": "softmax"}),
        ("sigmoid", {"loss": "sigmoid", "target_weighting": "score"}),
        ("sampled", {"loss": "softmax", "target_weighting": "score", "num_sampled_labels": 5}),
    ],
)
def test_pretraining(case, changes, mini_corpus, word_labels, tmp_path):
    config = pretrain_config(**changes)
    torch.manual_seed(0)
    assignment = assign_pretraining(
        pretrain_job(corpus=mini_corpus, labels=word_labels, config=config, lineage=LINEAGE), tmp_path
    )
    assert two_losses(assignment) == {task: pytest.approx(pair, rel=1e-4) for task, pair in LOSSES[case].items()}


def test_finetuning(mini_corpus, word_labels, tmp_path):
    features = write_features(tmp_path / "features", open_corpus(mini_corpus), [1003, 1001])
    job = finetune_job(
        corpus=mini_corpus,
        labels=word_labels,
        features=features,
        backbone=None,
        config=finetune_config(losses={"annotations": "softmax"}),
        lineage=LINEAGE,
    )
    torch.manual_seed(0)
    assignment = assign_finetuning(job)
    assert two_losses(assignment) == {task: pytest.approx(pair, rel=1e-4) for task, pair in LOSSES["finetune"].items()}
    tasks = [info.name for info in open_corpus(mini_corpus).manifest.tasks]
    drawn = [float(np.square(source.sample_weights).sum()) for source in assignment.sources]
    assert dict(zip(tasks, drawn, strict=True)) == pytest.approx(SAMPLING)
