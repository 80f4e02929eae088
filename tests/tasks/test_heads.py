"""Heads give all of their outputs or some, and a cosine head knows no length."""

import numpy as np
import pytest
import torch

from vitrail.evaluation.search import nearest_binary, nearest_float
from vitrail.models.predictor import pack_codes
from vitrail.tasks.heads import CosineHead, EmbeddingHead, linear_head

FEATURES = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))


def cosine_head(prior: tuple[float, ...] = (0.2, 0.2, 0.2, 0.2, 0.2)) -> CosineHead:
    torch.manual_seed(1)
    head = CosineHead(6, 5)
    head.tell_prior(torch.tensor(prior))
    return head


def test_cosine_logits_are_cosines_of_centred_features_over_a_twentieth():
    torch.manual_seed(1)
    head = CosineHead(6, 5)
    centred = FEATURES.numpy() - FEATURES.numpy().mean(axis=1, keepdims=True)
    weight = head.weight.detach().numpy()
    cosine = centred @ weight.T
    cosine /= np.linalg.norm(centred, axis=1)[:, None] * np.linalg.norm(weight, axis=1)
    assert head(FEATURES).detach().numpy() == pytest.approx(cosine / 0.05, abs=1e-3)
    prior = torch.tensor([0.5, 0.2, 0.1, 0.1, 0.1])
    head.tell_prior(prior)
    assert head(FEATURES).detach().numpy() == pytest.approx(cosine / 0.05 + np.log(prior.numpy()), abs=1e-3)
    assert set(head.state_dict()) == {"weight", "log_prior"}


def test_neither_long_features_nor_long_directions_change_cosine_logits():
    head = cosine_head()
    before = head(FEATURES)
    with torch.no_grad():
        head.weight *= torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])[:, None]
    torch.testing.assert_close(head(7 * FEATURES), before, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    "head", [cosine_head((0.4, 0.3, 0.1, 0.1, 0.1)), linear_head(6, 5, bias=1.0)], ids=["cosine", "linear"]
)
def test_some_outputs_are_those_of_all(head):
    outputs = torch.tensor([3, 0])
    torch.testing.assert_close(head.select(FEATURES, outputs), head(FEATURES)[:, outputs])


def test_half_precision_features_give_logits_in_full_precision():
    assert cosine_head()(FEATURES.bfloat16()).dtype == torch.float32


def test_a_rotated_embedding_has_its_cosines_and_better_codes():
    torch.manual_seed(0)
    head = EmbeddingHead(48, 64)
    with torch.no_grad():
        head.projection.weight *= torch.logspace(0, -2, 64)[:, None]  # a few values tell nearly everything
    features = torch.randn(400, 48)
    before = head(features).detach()
    head.rotate()
    after = head(features).detach()
    torch.testing.assert_close(after @ after.T, before @ before.T, rtol=0, atol=1e-5)

    def agreement(embeddings: torch.Tensor) -> float:
        queries, gallery = embeddings[:100].numpy(), embeddings[100:].numpy()
        by_float, _ = nearest_float(queries, gallery, 10)
        by_code, _ = nearest_binary(pack_codes(queries), pack_codes(gallery), 10)
        return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(by_float, by_code, strict=True)]))

    assert agreement(after) > 1.2 * agreement(before)
