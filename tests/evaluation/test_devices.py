"""Several devices answer what one answers, in the order of the batches."""

import threading

import numpy as np
import pytest
import torch

from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import Architecture, HeadSpec, Transforms
from vitrail.corpus import open_corpus
from vitrail.evaluation.devices import DevicePredictors, given_devices
from vitrail.evaluation.inference import answer_images
from vitrail.models import Predictor, VitrailModel, save_model

TRUNK = Architecture(
    name="vit_tiny_patch16_224", options={"patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2}
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("devices") / "model"
    torch.manual_seed(0)
    heads = (
        HeadSpec(name="embedding", kind="retrieval", dim=64),
        HeadSpec(name="tone", kind="classification", dim=3, classes=("a", "b", "c")),
    )
    save_model(folder, VitrailModel(TRUNK, Transforms(image_size=32), heads), Lineage(run_id="test"))
    return folder


def answers(model, corpus, num_devices):
    opened = open_corpus(corpus)
    image_ids = opened.index()["image_id"].to_pylist()[:100]
    predictors = DevicePredictors(model, ["cpu"] * num_devices)
    return answer_images(opened, predictors, image_ids, heads=["tone"], batch_size=7, num_workers=0)


def test_three_devices_answer_what_one_does(model, mini_corpus, monkeypatch):
    one = answers(model, mini_corpus, 1)
    used, predict = [], Predictor.predict

    def noted(self, images):
        used.append((id(self), threading.get_ident()))
        return predict(self, images)

    monkeypatch.setattr(Predictor, "predict", noted)
    three = answers(model, mini_corpus, 3)
    assert len(used) == 15
    assert len(set(used)) == len({device for device, _ in used}) == 3  # each in a thread of its own
    assert three.image_ids.tolist() == one.image_ids.tolist()
    np.testing.assert_allclose(three.vectors.embeddings, one.vectors.embeddings, atol=1e-5)
    np.testing.assert_allclose(three.probabilities["tone"], one.probabilities["tone"], atol=1e-5)


def test_an_error_of_a_device_is_raised(model, mini_corpus, monkeypatch):
    monkeypatch.setattr(Predictor, "predict", lambda self, images: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        answers(model, mini_corpus, 2)


@pytest.mark.parametrize(
    ("device", "count", "expected"),
    [
        ("cuda", 8, [f"cuda:{number}" for number in range(8)]),
        ("cuda", 1, ["cuda"]),
        ("cuda:1", 8, ["cuda:1"]),
        ("cpu", 8, ["cpu"]),
    ],
)
def test_cuda_is_every_gpu(device, count, expected, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    assert given_devices(device) == expected
