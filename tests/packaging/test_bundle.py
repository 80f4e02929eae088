import dataclasses

import pytest

from vitrail.contracts.bundle import BundleManifest, open_bundle, read_bundle, seal_bundle
from vitrail.contracts.codec import save
from vitrail.contracts.lineage import Lineage
from vitrail.errors import ConfigError, ServingError
from vitrail.packaging import EndpointConfig

MANIFEST = BundleManifest(
    model_id="m",
    index_digest="i",
    lineage=Lineage(run_id="r"),
    num_golden=0,
    num_neighbours=0,
    max_bytes=10,
    max_pixels=10,
    max_batch_size=2,
)


@pytest.fixture
def sealed(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_bytes(b"one")
    seal_bundle(tmp_path, MANIFEST)
    return tmp_path


def test_a_whole_bundle_opens(sealed):
    manifest = open_bundle(sealed)
    assert list(manifest.files) == ["model/weights"]
    assert dataclasses.replace(manifest, files={}, digest="") == MANIFEST


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "model" / "weights").write_bytes(b"two"),
        lambda folder: (folder / "model" / "weights").unlink(),
        lambda folder: (folder / "model" / "extra").write_bytes(b""),
    ],
    ids=["changed", "missing", "extra"],
)
def test_damage_is_named(sealed, damage):
    damage(sealed)
    with pytest.raises(ServingError, match=r"is damaged: model/(weights|extra)"):
        open_bundle(sealed)


def test_an_edited_manifest_is_refused(sealed):
    save(sealed / "bundle.json", dataclasses.replace(read_bundle(sealed), max_bytes=10**9))
    with pytest.raises(ServingError, match="edited"):
        read_bundle(sealed)


def test_a_folder_without_manifest_is_no_bundle(tmp_path):
    with pytest.raises(ServingError, match="package_endpoint"):
        open_bundle(tmp_path)


@pytest.mark.parametrize("fields", [{"tolerance": 0}, {"num_golden": 0}, {"max_batch_size": 0}, {"max_p99_ms": -1}])
def test_unusable_settings_are_refused(fields):
    with pytest.raises(ConfigError, match=next(iter(fields))):
        EndpointConfig(**fields)
