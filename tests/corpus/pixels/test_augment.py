import numpy as np
import pytest

from vitrail.corpus.pixels.augment import LIGHT, NONE, Augmentation, Changes, draw_chances
from vitrail.errors import ConfigError

ROWS = np.arange(200)
CHANCES = draw_chances(3, np.zeros(200, dtype=np.int64), ROWS)


def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (200, 8, 8, 3), dtype=np.uint8)


def change(augmentation: Augmentation, parts: np.ndarray) -> np.ndarray:
    """The changed images, in the layout of the parts again."""
    changes = Changes(augmentation, CHANCES, 8)
    images = np.empty((200, 3, 8, 8), dtype=np.uint8)
    for item, part in enumerate(parts):
        changes.write(item, part, images[item])
    return images.transpose(0, 2, 3, 1)


def test_chances_are_a_function_of_key_and_image_alone() -> None:
    assert (draw_chances(3, np.zeros(5, dtype=np.int64), ROWS[7:12]) == CHANCES[7:12]).all()
    assert (draw_chances(4, np.zeros(200, dtype=np.int64), ROWS) != CHANCES).all()
    assert (draw_chances(3, np.ones(200, dtype=np.int64), ROWS) != CHANCES).all()


def test_chances_are_uniform_and_independent() -> None:
    many = draw_chances(1, np.arange(20_000))
    np.testing.assert_allclose(np.quantile(many, [0.1, 0.5, 0.9], axis=0).T, [[0.1, 0.5, 0.9]] * 8, atol=0.02)
    correlation = np.corrcoef(many.T) - np.eye(8)
    assert np.abs(correlation).max() < 0.03


def test_the_default_changes_nothing() -> None:
    assert (change(NONE, pictures()) == pictures()).all()
    changes = Changes(NONE, CHANCES, 64)
    assert set(changes.sides) == {64}
    assert set(changes.lefts) == set(changes.tops) == {0}


def test_crops_keep_the_share_asked_for_and_stay_inside() -> None:
    changes = Changes(Augmentation(crop_scale=(0.25, 1.0)), CHANCES, 64)
    sides = np.array(changes.sides)
    share = (64 / sides) ** 2
    assert share.min() >= 0.245
    assert share.max() <= 1
    assert share.mean() == pytest.approx(0.625, abs=0.05)
    for starts in map(np.array, (changes.lefts, changes.tops)):
        assert (starts >= 0).all()
        assert (starts + 64 <= sides).all()
        assert starts.max() > 30


def test_half_are_mirrored() -> None:
    changed = change(Augmentation(flip=0.5), pictures())
    is_mirrored = (changed == pictures()[:, :, ::-1]).all(axis=(1, 2, 3))
    is_same = (changed == pictures()).all(axis=(1, 2, 3))
    assert (is_mirrored ^ is_same).all()
    assert 70 < is_mirrored.sum() < 130


def test_one_product_and_one_plane_equal_one_change_after_the_other() -> None:
    augmentation = Augmentation(brightness=0.3, contrast=0.3, saturation=0.3)
    mild = pictures() // 4 + 96  # no value is clipped on the way
    luma = np.array([0.299, 0.587, 0.114])
    for item, new in enumerate(change(augmentation, mild)):
        brightness, contrast, saturation = 1 + 0.3 * (2 * CHANCES[item, 4:7] - 1)
        pixels = mild[item].astype(float)
        grey = (pixels @ luma)[:, :, None]
        pixels = saturation * pixels + (1 - saturation) * grey
        pixels = contrast * pixels + (1 - contrast) * grey.mean()
        expected = np.clip(brightness * pixels + 0.5, 0, 255).astype(np.uint8)
        assert np.abs(new.astype(int) - expected).max() <= 1


def test_values_are_clipped_and_not_wrapped() -> None:
    changed = change(Augmentation(brightness=1.0), np.full((200, 8, 8, 3), 250, dtype=np.uint8))
    brighter = CHANCES[:, 4] > 0.52
    assert (changed[brighter] == 255).all()


def test_grey_images_have_equal_channels() -> None:
    changed = change(Augmentation(grey=1.0), pictures())
    assert (changed[..., :1] == changed).all()


def test_presets_are_valid_and_differ() -> None:
    assert NONE.digest != LIGHT.digest


@pytest.mark.parametrize(
    "options", [{"flip": 1.5}, {"grey": -0.1}, {"crop_scale": (0.0, 1.0)}, {"crop_scale": (0.9, 0.5)}]
)
def test_impossible_values_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        Augmentation(**options)
