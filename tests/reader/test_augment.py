import numpy as np
import pytest
import torch

from vitrail.corpus.augment import LIGHT, NONE, Augmentation, adjust_batch, draw_chances, plan_crops
from vitrail.errors import ConfigError

ROWS = np.arange(200)
CHANCES = draw_chances(3, np.zeros(200, dtype=np.int64), ROWS)


def pictures() -> torch.Tensor:
    return torch.randint(
        0, 256, (200, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


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
    assert torch.equal(adjust_batch(NONE, CHANCES, pictures()), pictures())
    plan = plan_crops(NONE, CHANCES, 64)
    assert (plan.sides == 64).all()
    assert not plan.lefts.any()
    assert not plan.tops.any()


def test_crops_keep_the_share_asked_for_and_stay_inside() -> None:
    plan = plan_crops(Augmentation(crop_scale=(0.25, 1.0)), CHANCES, 64)
    share = (64 / plan.sides) ** 2
    assert share.min() >= 0.245
    assert share.max() <= 1
    assert share.mean() == pytest.approx(0.625, abs=0.05)
    for starts in (plan.lefts, plan.tops):
        assert (starts >= 0).all()
        assert (starts + 64 <= plan.sides).all()
        assert starts.max() > 30


def test_half_are_mirrored() -> None:
    changed = adjust_batch(Augmentation(flip=0.5), CHANCES, pictures())
    is_mirrored = [torch.equal(new, old.flip(-1)) for new, old in zip(changed, pictures(), strict=True)]
    is_same = [torch.equal(new, old) for new, old in zip(changed, pictures(), strict=True)]
    assert sum(is_mirrored) + sum(is_same) == 200
    assert 70 < sum(is_mirrored) < 130


def test_one_affine_map_equals_one_change_after_the_other() -> None:
    augmentation = Augmentation(brightness=0.3, contrast=0.3, saturation=0.3)
    mild = pictures() // 4 + 96  # no value is clipped on the way
    luma = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    factors = torch.from_numpy(1 + 0.3 * (2 * CHANCES - 1)).float()
    for item, new in enumerate(adjust_batch(augmentation, CHANCES, mild.clone())):
        brightness, contrast, saturation = factors[item, 4:7]
        pixels = mild[item].float()
        grey = (pixels * luma).sum(0, keepdim=True)
        pixels = saturation * pixels + (1 - saturation) * grey
        pixels = contrast * pixels + (1 - contrast) * grey.mean()
        expected = (brightness * pixels + 0.5).clamp(0, 255).to(torch.uint8)
        assert (new.int() - expected.int()).abs().max() <= 1


def test_grey_images_have_equal_channels() -> None:
    changed = adjust_batch(Augmentation(grey=1.0), CHANCES, pictures())
    assert (changed[:, :1] == changed).all()


def test_presets_are_valid_and_differ() -> None:
    assert NONE.digest != LIGHT.digest


@pytest.mark.parametrize(
    "options", [{"flip": 1.5}, {"grey": -0.1}, {"crop_scale": (0.0, 1.0)}, {"crop_scale": (0.9, 0.5)}]
)
def test_impossible_values_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        Augmentation(**options)
