"""Costly pictures are refused on what their header says, large ones that people have are not."""

import numpy as np
import pytest
from PIL import Image

from builders.costly_pictures import COSTLY, encode, noise_photo
from vitrail.contracts.models import Transforms
from vitrail.corpus.pixels import jpeg
from vitrail.corpus.pixels.deadline import DecodingTooLongError
from vitrail.corpus.pixels.limits import ImageLimits
from vitrail.corpus.pixels.prepare import prepare_image
from vitrail.errors import ConfigError, CorpusError
from vitrail.packaging.decoding_cost import DecodingLimits, estimate_decoding_s

LIMITS = DecodingLimits(image=ImageLimits(max_bytes=16 * 2**20))
WHY = {
    "blank_webp": r"49,000,000 pixels in [\d,]+ bytes is a blank picture or an attack",
    "endless_strip": r"a side of 49,000,000 pixels is more than the limit of 32,768",
    "narrow_strip": r"20 x 20000 pixels is narrower than 1 to 100",
    "large_png": r"takes about 1\.8 s, the limit is 1 s",
    "many_scans": r"takes about \d+\.\d s",
    "many_chunks": r"takes about 3\.0 s",
}
LARGE = {
    "photograph of 48 million pixels": lambda: encode(noise_photo(8000, 6000), "JPEG", quality=60),
    "progressive photograph": lambda: encode(noise_photo(4000, 3000), "JPEG", progressive=True),
    "blank photograph": lambda: encode(Image.new("RGB", (4000, 3000)), "JPEG"),
    "blank drawing": lambda: encode(Image.new("RGB", (4000, 3000)), "PNG"),
    "blank WebP": lambda: encode(Image.new("RGB", (2000, 2000)), "WEBP", lossless=True),
    "long screenshot": lambda: encode(noise_photo(600, 20_000).convert("L"), "PNG", compress_level=1),
}


@pytest.mark.parametrize("name", COSTLY)
def test_a_costly_picture_is_refused_before_it_is_decoded(name):
    data = COSTLY[name]()
    assert len(data) <= LIMITS.image.max_bytes
    with pytest.raises(CorpusError, match=WHY[name]):
        estimate_decoding_s(data, LIMITS)


@pytest.mark.parametrize("name", LARGE)
def test_large_pictures_that_people_have_are_taken(name):
    assert 0 < estimate_decoding_s(LARGE[name](), LIMITS) <= LIMITS.max_estimated_s


def test_scans_are_counted_up_to_the_end_of_the_picture():
    plain = encode(noise_photo(64, 64), "JPEG")
    progressive = encode(noise_photo(64, 64), "JPEG", progressive=True)
    assert jpeg.num_scans(plain) == 1
    assert jpeg.num_scans(progressive) > 5
    assert jpeg.num_scans(plain + progressive) == 1  # a motion photo's video decides nothing
    hidden = progressive.rindex(b"\xff\xda")
    commented = progressive[:hidden] + b"\xff\xfe\0\4\xff\xd9" + progressive[hidden:]  # nor an end inside a comment
    assert jpeg.num_scans(commented) == jpeg.num_scans(progressive)
    assert jpeg.num_scans(progressive[:-2]) == jpeg.num_scans(progressive)


def test_endless_markers_behind_a_scan_are_refused():
    data = encode(noise_photo(64, 64), "JPEG")
    with pytest.raises(CorpusError, match="more than 20,000 markers"):
        jpeg.num_scans(data[:-2] + b"\xff\xfe\0\2" * 30_000 + data[-2:])


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_decoding_ends_when_its_time_is_over(format):  # noqa: A002
    """With time enough the pixels are what they are without a bound."""
    data, transforms = encode(noise_photo(1200, 900), format), Transforms(image_size=64)
    with pytest.raises(DecodingTooLongError, match=r"more than 1e-06 s"):
        prepare_image(data, transforms, max_cpu_s=1e-6)
    np.testing.assert_array_equal(prepare_image(data, transforms, max_cpu_s=60), prepare_image(data, transforms))


def test_limits_of_nothing_are_refused():
    with pytest.raises(ConfigError, match="max_aspect=0: give a positive number"):
        DecodingLimits(max_aspect=0)
