import io
import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import save_file

from vitrail.contracts.lineage import Lineage
from vitrail.contracts.models import Architecture, HeadSpec, Transforms
from vitrail.errors import ModelError
from vitrail.models import Predictor, VitrailModel, load_model, load_trunk_weights, pack_codes, save_model

VIT = Architecture(name="vit_tiny_patch16_224", options={"depth": 2, "embed_dim": 48, "num_heads": 3})
CNN = Architecture(name="resnext26ts")
TRANSFORMS = Transforms(image_size=32)
HEADS = (
    HeadSpec(name="annotations", kind="multilabel", dim=3, classes=("cat", "dog", "sun"), label_ids=(7, 1, 9)),
    HeadSpec(name="tone", kind="classification", dim=2, classes=("light", "dark")),
    HeadSpec(name="embedding", kind="retrieval", dim=16),
)
LINEAGE = Lineage(run_id="test")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("models") / "model"
    model = VitrailModel(VIT, TRANSFORMS, HEADS)
    for head in ("annotations", "tone"):
        torch.nn.init.normal_(model.heads[head].weight)
    save_model(path, model, LINEAGE)
    return path


def random_images(count: int, size: int = 32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("architecture", [VIT, CNN, Architecture(name="mobilenetv3_small_050")])
def test_heads_have_their_shapes_on_any_trunk(architecture):
    model = VitrailModel(architecture, TRANSFORMS, HEADS).eval()
    outputs = model(random_images(2))
    assert {name: tuple(output.shape) for name, output in outputs.items()} == {
        "annotations": (2, 3),
        "tone": (2, 2),
        "embedding": (2, 16),
    }
    torch.testing.assert_close(outputs["embedding"].norm(dim=1), torch.ones(2))


def test_normalisation_inside_equals_normalisation_by_hand():
    transforms = Transforms(image_size=32, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    model = VitrailModel(VIT, transforms).eval()
    images = random_images(2)
    mean, std = torch.tensor(transforms.mean), torch.tensor(transforms.std)
    by_hand = (images / 255 - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    torch.testing.assert_close(model.features(images), model.trunk(by_hand), rtol=1e-4, atol=1e-5)


def test_sigmoid_heads_over_a_vocabulary_start_at_the_bias():
    spec = HeadSpec(name="annotations", kind="multilabel", dim=4, label_ids=(3, 5, 6, 9), activation="sigmoid")
    model = VitrailModel(VIT, TRANSFORMS, [spec]).eval()
    assert torch.all(model(random_images(1))["annotations"] == -10)


def test_unknown_name_lists_near_matches():
    with pytest.raises(ModelError, match=r"did you mean .*vit_tiny_patch16_224"):
        VitrailModel(Architecture(name="vit_tinny_patch16_224"), TRANSFORMS)


@pytest.mark.parametrize("option", ["pretrained", "checkpoint_path", "num_classes", "no_such_option"])
def test_options_that_fetch_or_do_not_exist_are_refused(option):
    with pytest.raises(ModelError, match=option):
        VitrailModel(Architecture(name="vit_tiny_patch16_224", options={option: True}), TRANSFORMS)


@pytest.mark.parametrize(
    "specs",
    [
        [HeadSpec(name="a", kind="retrieval", dim=12)],
        [HeadSpec(name="a", kind="retrieval", dim=8), HeadSpec(name="b", kind="retrieval", dim=8)],
        [HeadSpec(name="a", kind="classification", dim=2), HeadSpec(name="a", kind="multilabel", dim=2)],
        [HeadSpec(name="a", kind="classification", dim=2, classes=("x",))],
    ],
)
def test_heads_that_cannot_be_are_refused(specs):
    with pytest.raises(ModelError):
        VitrailModel(VIT, TRANSFORMS, specs)


def test_round_trip_gives_the_same_model(folder):
    model, manifest = load_model(folder)
    again = save_model(folder.parent / "again", model, LINEAGE)
    assert again == manifest
    assert manifest.heads == HEADS


def test_weights_of_another_model_are_refused(folder, tmp_path):
    other = tmp_path / "other"
    save_model(other, VitrailModel(VIT, TRANSFORMS, HEADS), LINEAGE)
    (other / "model.json").write_bytes((folder / "model.json").read_bytes())
    with pytest.raises(ModelError, match="belongs to another model"):
        load_model(other)


def test_edited_manifest_is_refused(folder, tmp_path):
    edited = json.loads((folder / "model.json").read_text())
    edited["transforms"]["image_size"] = 48
    (tmp_path / "model.json").write_text(json.dumps(edited))
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(ModelError, match="edited"):
        load_model(tmp_path)


def test_missing_files_are_named(folder, tmp_path):
    with pytest.raises(ModelError, match=r"model\.json"):
        load_model(tmp_path)
    (tmp_path / "model.json").write_bytes((folder / "model.json").read_bytes())
    with pytest.raises(ModelError, match=r"model\.safetensors"):
        load_model(tmp_path)


def test_predictions_do_not_depend_on_the_batch(folder):
    predictor = Predictor(folder)
    images = random_images(7)
    together = predictor.predict(images)
    for row in range(7):
        alone = predictor.predict(images[row : row + 1])
        np.testing.assert_allclose(alone.embeddings[0], together.embeddings[row], atol=1e-5)
        for head, probabilities in together.probabilities.items():
            np.testing.assert_allclose(alone.probabilities[head][0], probabilities[row], atol=1e-5)


def test_predictions_are_unit_vectors_codes_and_distributions(folder):
    predictions = Predictor(folder).predict(random_images(3))
    np.testing.assert_allclose(np.linalg.norm(predictions.embeddings, axis=1), 1, rtol=1e-5)
    assert predictions.codes.shape == (3, 2)
    np.testing.assert_array_equal(np.unpackbits(predictions.codes, axis=1), predictions.embeddings > 0)
    assert set(predictions.probabilities) == {"annotations", "tone"}
    np.testing.assert_allclose(predictions.probabilities["tone"].sum(axis=1), 1, rtol=1e-5)


def test_bytes_go_through_the_transforms_of_the_manifest(folder):
    stream = io.BytesIO()
    Image.new("RGB", (32, 32), (10, 20, 30)).save(stream, "PNG")
    images = torch.tensor([10, 20, 30], dtype=torch.uint8).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    predictor = Predictor(folder)
    np.testing.assert_allclose(
        predictor.predict_bytes([stream.getvalue()]).embeddings,
        predictor.predict(images).embeddings,
        atol=1e-6,
    )


@pytest.mark.parametrize("images", [random_images(1, size=16), random_images(1).float(), random_images(1)[0]])
def test_images_of_another_shape_are_refused(folder, images):
    with pytest.raises(ModelError, match="uint8"):
        Predictor(folder).predict(images)


def test_zero_is_a_cleared_bit():
    assert pack_codes(np.array([[0.0, 1, -1, 0, 0, 0, 0, 2]], dtype=np.float32)).tolist() == [[0b01000001]]


def test_trunk_starts_from_own_and_from_timm_files(folder, tmp_path):
    source, _ = load_model(folder)
    model = VitrailModel(VIT, TRANSFORMS)
    load_trunk_weights(model, folder / "model.safetensors")
    torch.testing.assert_close(model.trunk.state_dict(), source.trunk.state_dict())
    save_file(source.trunk.state_dict(), tmp_path / "timm.safetensors")
    fresh = VitrailModel(VIT, TRANSFORMS)
    load_trunk_weights(fresh, tmp_path / "timm.safetensors")
    torch.testing.assert_close(fresh.trunk.state_dict(), source.trunk.state_dict())


def test_trunk_starts_from_a_timm_file_of_another_image_size(tmp_path):
    options = {"patch_size": 8, "embed_dim": 32, "depth": 1, "num_heads": 2}
    published = timm.create_model("vit_tiny_patch16_224", img_size=64, **options)
    torch.nn.init.normal_(published.pos_embed)
    save_file(published.state_dict(), tmp_path / "timm.safetensors")
    model = VitrailModel(Architecture(name="vit_tiny_patch16_224", options=options), Transforms(image_size=32))
    load_trunk_weights(model, tmp_path / "timm.safetensors")
    torch.testing.assert_close(model.trunk.blocks[0].mlp.fc1.weight, published.blocks[0].mlp.fc1.weight)
    cls, grid = model.trunk.pos_embed[:, :1], model.trunk.pos_embed[:, 1:]
    torch.testing.assert_close(cls, published.pos_embed[:, :1])
    assert grid.shape == (1, 16, 32)
    assert grid.std() > 0.1  # of the file, not of an initialisation


def test_trunk_refuses_a_file_of_another_architecture(folder):
    with pytest.raises(ModelError, match="does not fit resnext26ts"):
        load_trunk_weights(VitrailModel(CNN, TRANSFORMS), folder / "model.safetensors")
