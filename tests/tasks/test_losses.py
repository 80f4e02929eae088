import math

import numpy as np
import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, one_hot

from vitrail.contracts.models import Architecture, HeadSpec, Transforms
from vitrail.corpus.reader.tally import Tally
from vitrail.models import VitrailModel
from vitrail.tasks import TaskSpec, find_kind, find_loss
from vitrail.tasks.candidates import sample_candidates
from vitrail.tasks.label_weights import idf_weights, weigh_labels
from vitrail.tasks.losses.cross_entropy import cross_entropy as class_loss
from vitrail.tasks.losses.sigmoid import sigmoid_loss
from vitrail.tasks.losses.softmax import normalise_targets, sampled_softmax_loss, softmax_loss
from vitrail.tasks.losses.thresholds import thresholds_loss
from vitrail.training.objective import Objective

LABELS = torch.tensor([[0, 2, -1], [4, -1, -1], [-1, -1, -1]])
SCORES = torch.tensor([[0.6, 0.2, 0.0], [0.5, 0.0, 0.0], [0.0, 0.0, 0.0]])
LOGITS = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))


def dense(targets_bk: torch.Tensor) -> torch.Tensor:
    return (one_hot(LABELS.clamp_min(0), 5) * targets_bk[:, :, None]).sum(dim=1)


# Of 1000 images, 10, 500, 100, 1 and all carry labels 0 to 4.
IDF = idf_weights(np.array([10, 500, 100, 1, 1000]), 1000)


def score_targets() -> torch.Tensor:
    return normalise_targets(weigh_labels(LABELS, SCORES, "score", None))


def test_rare_labels_weigh_by_the_logarithm_of_their_rarity():
    expected = [2 / 3, math.log(2) / math.log(1000), 1 / 3, 1, 0.001 / math.log(1000)]
    torch.testing.assert_close(IDF, torch.tensor(expected))


@pytest.mark.parametrize(
    ("weighting", "first_row"),
    [("score", [0.75, 0.25, 0.0]), ("uniform", [0.5, 0.5, 0.0]), ("idf", [2 / 3, 1 / 3, 0.0])],
)
def test_targets_sum_to_one_or_are_absent(weighting, first_row):
    """By IDF too the second image is trained towards its only label, which every image has."""
    targets = normalise_targets(weigh_labels(LABELS, SCORES, weighting, IDF))
    torch.testing.assert_close(targets[0], torch.tensor(first_row))
    torch.testing.assert_close(targets.sum(dim=1), torch.tensor([1.0, 1.0, 0.0]))


def test_softmax_loss_is_torchs_on_dense_targets():
    targets = score_targets()
    expected = cross_entropy(LOGITS[:2], dense(targets)[:2], reduction="sum")
    torch.testing.assert_close(softmax_loss(LOGITS, LABELS, targets), expected)


@pytest.mark.parametrize(
    ("weighting", "soft_positives"),
    [
        ("score", SCORES),
        ("uniform", torch.tensor([[1.0, 1, 0], [1, 0, 0], [0, 0, 0]])),
        ("idf", torch.tensor([[2 / 3, 1 / 3, 0], [0.001 / math.log(1000), 0, 0], [0, 0, 0]])),
    ],
)
def test_sigmoid_loss_is_torchs_on_dense_targets(weighting, soft_positives):
    expected = binary_cross_entropy_with_logits(LOGITS[:2], dense(soft_positives)[:2], reduction="sum")
    torch.testing.assert_close(sigmoid_loss(LOGITS, LABELS, weigh_labels(LABELS, SCORES, weighting, IDF)), expected)


def test_thresholds_loss_is_minus_the_log_probability_of_the_label():
    spec = HeadSpec(name="size", kind="ordinal", dim=5, classes=tuple("abcdef"), activation="thresholds")
    labels = torch.tensor([0, 5, 3])
    probabilities = find_kind("ordinal").to_probabilities(spec, LOGITS)
    expected = -probabilities[torch.arange(3), labels].log().sum()
    torch.testing.assert_close(thresholds_loss(LOGITS, labels), expected)
    torch.testing.assert_close(
        thresholds_loss(LOGITS, torch.tensor([0, 5, -1])), thresholds_loss(LOGITS[:2], labels[:2])
    )


def test_images_without_labels_get_no_gradient():
    targets = score_targets()
    for loss in (
        lambda logits: softmax_loss(logits, LABELS, targets),
        lambda logits: sigmoid_loss(logits, LABELS, SCORES),
        lambda logits: class_loss(logits, torch.tensor([1, 2, -1])),
        lambda logits: thresholds_loss(logits, torch.tensor([1, 2, -1])),
    ):
        logits = LOGITS.clone().requires_grad_()
        loss(logits).backward()
        assert torch.all(logits.grad[2] == 0)
        assert torch.any(logits.grad[0] != 0)


def test_candidates_hold_the_labels_and_distinct_others():
    for seed in range(20):
        candidates, correction = sample_candidates(LABELS, 50, 7, seed)
        assert len(candidates) == len(correction) == LABELS.numel() + 7  # whatever labels there are
        assert torch.equal(candidates, candidates.sort().values)
        is_real = correction > -math.inf
        assert set(candidates[~is_real].tolist()) <= {49}
        candidates, correction = candidates[is_real], correction[is_real]
        assert {0, 2, 4} <= set(candidates.tolist())
        assert len(set(candidates.tolist())) == len(candidates) == 10
        assert candidates.max() < 50
        is_label = torch.isin(candidates, torch.tensor([0, 2, 4]))
        assert torch.all(correction[is_label] == 0)
        torch.testing.assert_close(correction[~is_label], torch.full((7,), math.log(47 / 7)))


def test_all_candidates_give_the_full_softmax():
    targets = score_targets()
    candidates, correction = sample_candidates(LABELS, 5, 100, seed=0)
    sampled = sampled_softmax_loss(LOGITS[:, candidates], correction, candidates, LABELS, targets)
    torch.testing.assert_close(sampled, softmax_loss(LOGITS, LABELS, targets))


def test_sampled_partition_function_is_unbiased():
    logits = torch.randn(1, 200, generator=torch.Generator().manual_seed(3))
    labels = torch.tensor([[5, 9]])
    totals = []
    for seed in range(400):
        candidates, correction = sample_candidates(labels, 200, 40, seed)
        totals.append((logits[0, candidates] + correction).exp().sum())
    assert torch.stack(totals).mean() == pytest.approx(logits.exp().sum().item(), rel=0.02)


def small_objective(num_sampled: int = 0) -> tuple[Objective, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    heads = (
        HeadSpec(name="annotations", kind="multilabel", dim=5),
        HeadSpec(name="tone", kind="classification", dim=3),
        HeadSpec(name="embedding", kind="retrieval", dim=8),
    )
    trunk = Architecture(name="vit_tiny_patch16_224", options={"depth": 1, "embed_dim": 24, "num_heads": 2})
    model = VitrailModel(trunk, Transforms(image_size=32), heads)
    tasks = [
        TaskSpec(
            name="annotations",
            head="annotations",
            loss=find_loss("softmax", "multilabel"),
            num_classes=5,
            num_sampled=num_sampled,
        ),
        TaskSpec(name="tone", head="tone", loss=find_loss("cross_entropy", "classification"), num_classes=3),
        TaskSpec(name="concept", head="embedding", loss=find_loss("proxies", "retrieval"), num_classes=6),
    ]
    targets = {
        "annotations": LABELS,
        "annotations/weights": SCORES,
        "tone": torch.tensor([-1, -1, -1]),
        "concept": torch.tensor([0, -1, 5]),
    }
    return Objective(model, tasks), targets


def count_labels(targets: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    tally = Tally.of({name: value.numpy() for name, value in targets.items()}, num_bytes=0)
    return {name: torch.tensor(count) for name, count in tally.labelled.items()}


IMAGES = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_a_task_without_labels_in_the_batch_costs_nothing_and_stays_connected():
    objective, targets = small_objective()
    losses = objective(IMAGES, targets, count_labels(targets))
    assert losses["tone"].item() == 0
    sum(losses.values()).backward()
    assert torch.all(objective.model.heads["tone"].weight.grad == 0)
    assert all(parameter.grad is not None for parameter in objective.parameters())


def test_first_losses_are_those_of_a_guess():
    objective, targets = small_objective()
    losses = objective(IMAGES, targets, count_labels(targets))
    assert losses["annotations"].item() == pytest.approx(math.log(5), rel=1e-5)  # zero-initialised head


def test_proxies_start_uniform_within_the_bound():
    objective, _ = small_objective()
    proxies = objective.proxies["concept"]
    assert proxies.abs().max() <= 8**-0.5
    assert proxies.abs().max() > 0.8 * 8**-0.5


def test_frozen_trunk_gets_no_gradient():
    objective, targets = small_objective()
    objective.is_trunk_frozen = True
    sum(objective(IMAGES, targets, count_labels(targets)).values()).backward()
    assert all(parameter.grad is None for parameter in objective.model.trunk.parameters())
    assert objective.proxies["concept"].grad is not None


def test_sampled_head_with_all_labels_equals_the_full_head():
    full, targets = small_objective()
    sampled, _ = small_objective(num_sampled=5)
    sampled.load_state_dict(full.state_dict())
    counts = count_labels(targets)
    drawn = sampled.draw(targets, seed=0)
    torch.testing.assert_close(
        sampled(IMAGES, targets | drawn, counts)["annotations"], full(IMAGES, targets, counts)["annotations"]
    )
