"""Label sets that a study derives are taken again only when nothing they depend on has changed."""

import dataclasses

from builders.repository_copy import copy_packages, edited, source_in
from vitrail.corpus import open_corpus
from vitrail.labels import LabelsConfig
from vitrail.study.materials import name_label_set


def test_labels_of_other_code_are_not_taken(mini_corpus, tmp_path):
    manifest, config = open_corpus(mini_corpus).manifest, LabelsConfig()
    copy_packages(tmp_path)
    with source_in(tmp_path):
        own = name_label_set(manifest, config)
        with edited(tmp_path / "vitrail" / "labels" / "dictionary" / "rejections.py"):
            assert name_label_set(manifest, config) != own
        with edited(tmp_path / "vitrail" / "reporting" / "page.py"):
            assert name_label_set(manifest, config) == own
        assert name_label_set(manifest, dataclasses.replace(config, engine="ray")) == own
        assert name_label_set(manifest, dataclasses.replace(config, top_k=3)) != own
        assert name_label_set(dataclasses.replace(manifest, digest="0" * 64), config) != own
