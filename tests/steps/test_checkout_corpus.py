"""The first step refuses what no later step could use."""

import io
import tarfile

import pytest
from PIL import Image

from vitrail.contracts.lineage import Lineage
from vitrail.errors import CorpusError
from vitrail.recipes import find_recipe
from vitrail.steps.checkout_corpus import checkout_corpus
from vitrail.steps.context import StepContext


def write_captioned_tar(path):
    """What img2dataset leaves of images with captions: no label anywhere."""
    with tarfile.open(path, "w") as tar:
        for key in range(3):
            stream = io.BytesIO()
            Image.new("RGB", (16, 16), (80 * key, 0, 0)).save(stream, "JPEG")
            for name, data in ((f"{key:09}.jpg", stream.getvalue()), (f"{key:09}.txt", b"a red square")):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))


def test_a_corpus_without_tasks_is_refused_before_anything_is_computed(tmp_path):
    (tmp_path / "shards").mkdir()
    write_captioned_tar(tmp_path / "shards" / "00000.tar")
    context = StepContext(
        recipe=find_recipe("debug"),
        inputs={},
        arguments={"source": str(tmp_path / "shards"), "repository": ".", "revision": ""},
        out=tmp_path / "out",
        work=tmp_path / "work",
        workspace=tmp_path,
        run_folder=tmp_path,
        lineage=Lineage(run_id="run"),
        champion=None,
        launch=None,
    )
    with pytest.raises(CorpusError, match="has no task, and fine-tuning needs one"):
        checkout_corpus(context)
