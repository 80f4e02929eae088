"""Labels in the report and on the pages of an audit."""

import dataclasses
import json
import shutil
from collections import Counter

import pytest

from builders.report_pages import Page, publish
from builders.reported_runs import (
    PIPELINE,
    record,
)
from vitrail.contracts.codec import save
from vitrail.errors import LabelError
from vitrail.labels import diff_labels, measure_coverage, open_labels
from vitrail.reporting import publish_audit
from vitrail.reporting.clusters import Cluster, Member, suspects
from vitrail.reporting.run import read_run


def test_labels_are_shown_by_band_with_what_they_merge_and_what_was_left_out(page, mini_labels):
    section = page.section("labels")
    for expected in ("From the head", "From the mid", "From the tail", "Merged, most terms", "Merged, least close"):
        assert expected in section
    dictionary = open_labels(mini_labels).dictionary().to_pylist()
    assert all(reason.replace("_", " ") in section for reason in {row["reason"] for row in dictionary} - {None})
    [(reason, _)] = Counter(row["reason"] for row in dictionary if row["reason"]).most_common(1)
    left_out = sorted((-row["num_images"], row["term"]) for row in dictionary if row["reason"] == reason)
    assert f"<bdi>{left_out[0][1]}</bdi>" in section
    assert "Since the champion" not in section


def test_coverage_stands_in_the_report_and_in_the_audit(page, run, mini_labels):
    coverage = measure_coverage(open_labels(mini_labels))
    for text in (page.section("labels"), (run / "clusters" / "index.html").read_text()):
        assert f"{coverage.specific:.1%}" in text
        assert f"{coverage.labels_per_image:.2f}" in text
    traces = [trace for script in page.scripts[:-2] for trace in json.loads(script)["data"]]
    assert list(coverage.rarest_labels) in [trace["x"] for trace in traces]
    assert list(coverage.num_labels_by_name.values()) in [trace["x"] for trace in traces]
    meters = Page(run / "clusters" / "index.html").all("meter")
    assert len(meters) == len(coverage.rarest_labels) + len(coverage.num_labels_by_name)


def test_labels_that_moved_since_the_champion_are_counted(copied, mini_labels, tmp_path):
    labels = shutil.copytree(mini_labels, tmp_path / "labels")
    old = open_labels(mini_labels)
    save(labels / "diff.json", dataclasses.replace(diff_labels(old, old), churn=0.125, lost=(1, 2, 3)))
    record(copied, "derive_labels", labels)
    section = publish(copied).section("labels")
    assert "Since the champion" in section
    assert "12.5%" in section


def test_labels_of_a_sampled_dictionary_are_not_compared(copied, page, tmp_path):
    assert "do not compare" not in page.section("labels")
    sampled = shutil.copytree(read_run(copied, PIPELINE).artifact("derive_labels"), tmp_path / "sampled")
    manifest = json.loads((sampled / "labels.json").read_text())
    (sampled / "labels.json").write_text(json.dumps({**manifest, "is_sampled": True}))
    record(copied, "derive_labels", sampled)
    section = publish(copied).section("labels")
    assert "do not compare" in section


def test_audit_pages_show_every_term_with_its_images(page, run, mini_labels):
    assert 'href="clusters/index.html"' in page.section("labels")
    index = Page(run / "clusters" / "index.html")
    links = [found["href"] for found in index.all("a")]
    assert 10 < len(links) == len(set(links))
    members = open_labels(mini_labels).members().to_pylist()
    for link in links[:3]:
        audit = Page(run / "clusters" / link)
        terms = [row for row in members if row["label_id"] == int(link.removesuffix(".html"))]
        assert len(terms) > 1
        assert all(row["term"] in audit.text and row["language"] in audit.text for row in terms[:12])
        assert audit.all("img")
        assert all(image["src"].startswith("data:image/webp;base64,") for image in audit.all("img"))


def test_labels_that_are_joined_on_purpose_are_audited_last():
    def merged(label_id, level, closeness):
        members = tuple(Member(term=term, language="en", num_images=2, closeness=closeness) for term in "ab")
        return Cluster(label_id=label_id, term="a", frequency=4, band="tail", level=level, members=members)

    found = suspects([merged(1, 1, 0.0), merged(2, 0, 0.9), merged(3, 0, 0.4)], 3)
    assert [cluster.label_id for cluster in found] == [3, 2, 1]


def test_any_label_can_be_audited(mini_corpus, mini_labels, tmp_path):
    label_id = open_labels(mini_labels).vocabulary()["label_id"][0].as_py()
    publish_audit(mini_corpus, mini_labels, tmp_path / "audit", [label_id])
    assert {path.name for path in (tmp_path / "audit").iterdir()} == {"index.html", f"{label_id}.html"}
    with pytest.raises(LabelError, match="has no label 5;"):
        publish_audit(mini_corpus, mini_labels, tmp_path / "none", [5])
    shutil.copytree(mini_corpus / "index", tmp_path / "other" / "index")
    text = (mini_corpus / "corpus.json").read_text()
    digest = open_labels(mini_labels).manifest.corpus_digest
    (tmp_path / "other" / "corpus.json").write_text(text.replace(digest, "0" * 64))
    with pytest.raises(LabelError, match="derived from another corpus"):
        publish_audit(tmp_path / "other", mini_labels, tmp_path / "none", [label_id])
