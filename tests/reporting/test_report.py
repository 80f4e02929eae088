"""The report of a real run folder: every section, every picture; and of runs that failed or lost files."""

import json
import re
import shutil

import pyarrow as pa
import pyarrow.parquet as pq

from builders.report_pages import publish
from builders.reported_runs import NUM_EXAMPLES, NUM_NEIGHBOURS, NUM_QUERIES, PIPELINE, SECTIONS, record, write_training
from vitrail.contracts.files import write_json
from vitrail.reporting import publish_report


def test_every_section_is_there_with_its_content(page):
    assert [found["id"] for found in page.all("section")] == list(SECTIONS)
    assert "could not be written" not in page.text
    assert "This section needs" not in page.text
    assert [found["href"] for found in page.all("a")][1 : 1 + len(SECTIONS)] == [f"#{name}" for name in SECTIONS]


def test_every_picture_is_there(page):
    images = page.all("img")
    num_label_pictures = page.section("labels").count("<img ")
    assert num_label_pictures > 60
    assert len(images) == NUM_QUERIES * (1 + NUM_NEIGHBOURS) + NUM_EXAMPLES + num_label_pictures
    assert all(image["src"].startswith("data:image/webp;base64,") for image in images)
    assert all(image["alt"] for image in images)
    assert "no picture" not in page.source


def test_nothing_comes_from_the_network(page):
    assert len(page.all("meta", **{"http-equiv": "Content-Security-Policy"})) == 1
    assert not page.all("link")
    assert not page.all("iframe")
    assert not any("src" in found for found in page.all("script"))
    assert not re.search(r"url\(", page.source[: page.source.index("</style>")])


def test_publishing_again_gives_the_same_page(run, page, tmp_path):
    publish_report(run, tmp_path / "again.html", PIPELINE)
    again = (tmp_path / "again.html").read_text(encoding="utf-8")
    link = re.compile(r'href="[^"#]*data_docs/index.html"|\d{4}-\d\d-\d\d \d\d:\d\d UTC')
    assert link.sub("", again) == link.sub("", page.source)


EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def test_text_of_users_stays_text(run, copied, mini_corpus, mini_labels, tmp_path):
    corpus = shutil.copytree(mini_corpus, tmp_path / "corpus")
    for path in sorted((corpus / "signals").glob("*.parquet")):
        table = pq.read_table(path)
        evil = pa.array([EVIL] * len(table), pa.string())
        table = table.set_column(table.schema.get_field_index("text"), "text", evil)
        pq.write_table(table.set_column(table.schema.get_field_index("source"), "source", evil), path)
    labels = shutil.copytree(mini_labels, tmp_path / "labels")
    vocabulary = pq.read_table(labels / "vocabulary.parquet")
    terms = pa.array([EVIL] * len(vocabulary), pa.string())
    pq.write_table(vocabulary.set_column(1, "term", terms), labels / "vocabulary.parquet")
    training = write_training(tmp_path / "training", [EVIL, "b"])
    record(copied, "checkout_corpus", corpus)
    record(copied, "derive_labels", labels)
    record(copied, "finetune_tasks", training)
    record(copied, "promote_model", status="failed", error=EVIL, lineage={"bento": EVIL})
    write_json(copied / "recipe.json", {"name": EVIL})
    page = publish(copied)
    assert not any(attribute.startswith("on") for _, found in page.tags for attribute in found)
    assert all(image["src"].startswith("data:image/webp") for image in page.all("img"))
    charts = len(page.all("figure", **{"class": "chart"}))
    assert len(page.all("script")) == charts + 2
    assert len(page.all("script", type="application/json")) == charts
    assert page.text.count("alert(1)") > NUM_QUERIES + NUM_EXAMPLES  # shown, as text
    assert all("alert" not in script for script in page.scripts[-2:])
    names = {trace.get("name") for script in page.scripts[:-2] for trace in json.loads(script)["data"]}
    assert not any(name and "<" in name for name in names)  # plotly reads markup in labels
