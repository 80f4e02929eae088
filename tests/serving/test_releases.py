"""A release never changes, and a worker serves the one that its server was started with."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from builders import REPOSITORY
from serving.endpoint.location import keep_release, require_release
from vitrail.contracts.bundle import open_bundle, read_bundle, seal_bundle
from vitrail.errors import ServingError


def other_bundle(bundle: Path, folder: Path) -> Path:
    shutil.copytree(bundle, folder)
    manifest = read_bundle(bundle)
    seal_bundle(folder, dataclasses.replace(manifest, lineage=dataclasses.replace(manifest.lineage, run_id="run-2")))
    return folder


def test_releases_lie_side_by_side_under_their_digests(bundle, tmp_path):
    releases = tmp_path / "releases"
    first = keep_release(shutil.copytree(bundle, tmp_path / "first"), releases)
    written = (first / "bundle.json").stat().st_ino
    second = keep_release(other_bundle(bundle, tmp_path / "second"), releases)
    again = keep_release(shutil.copytree(bundle, tmp_path / "again"), releases)
    assert again == first != second
    assert (first / "bundle.json").stat().st_ino == written
    assert sorted(path.name for path in releases.iterdir()) == sorted([first.name, second.name])
    assert [open_bundle(path).digest for path in (first, second)] == [first.name, second.name]


def test_another_bundle_in_its_place_is_refused(bundle, tmp_path):
    other = other_bundle(bundle, tmp_path / "other")
    require_release(bundle, read_bundle(bundle).digest)
    require_release(bundle, None)
    with pytest.raises(ServingError, match=r"holds release [0-9a-f]{12} now, but this server was started with"):
        require_release(other, read_bundle(bundle).digest)


def test_a_worker_does_not_come_back_as_another_model(bundle, tmp_path):
    """What BentoML does for a worker that was killed: the service is imported in what its server handed down."""
    other = other_bundle(bundle, tmp_path / "bundle")
    environment = os.environ | {"VITRAIL_BUNDLE": str(other), "VITRAIL_RELEASE": read_bundle(bundle).digest}
    command = [sys.executable, "-c", "import service"]
    done = subprocess.run(
        command, cwd=REPOSITORY / "serving", env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "start the endpoint again to serve the other" in done.stderr
