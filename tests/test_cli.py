"""The command line as users type it; every command is in the README, and the README's commands exist."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from builders import REPOSITORY
from vitrail.cli import main


def call(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    captured = capsys.readouterr()
    return ended.value.code, captured.out, captured.err


def commands():
    done = subprocess.run(
        [sys.executable, "-m", "vitrail.cli", "--help"], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    return set(re.findall(r"^    ([a-z-]+) ", done.stdout, flags=re.MULTILINE))


def test_every_command_is_documented_and_exists(capsys):
    pages = (REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md"))
    documentation = "".join(page.read_text() for page in pages)
    mentioned = set(re.findall(r"vitrail ([a-z]+)\b", documentation)) & set(re.findall(r"[a-z]+", " ".join(commands())))
    assert mentioned == commands()


def test_readme_shows_what_it_announces():
    readme = (REPOSITORY / "README.md").read_text()
    for block in re.findall(r"<!-- (\S+) -->(.*?)<!-- /\1 -->", readme, flags=re.DOTALL):
        assert "```" in block[1], f"{block[0]} is empty"
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", readme):
        assert (REPOSITORY / target).exists(), target


def test_corpus_is_checked(capsys, mini_corpus):
    status, out, _ = call(capsys, "corpus", "check", str(mini_corpus))
    assert status == 0
    assert "whole, 356 images" in out


def test_bad_input_is_one_line_and_a_status(capsys, tmp_path):
    status, _, err = call(capsys, "corpus", "check", str(tmp_path))
    assert status == 1
    assert err.startswith("vitrail: ")
    assert "Traceback" not in err


def test_unknown_recipe_names_the_known_ones(capsys):
    status, _, err = call(capsys, "recipes", "emojy")
    assert status == 1
    assert "emoji, openclipart, icons, folder, debug, vit_b16_1b" in err


def test_recipes_are_compared(capsys):
    status, out, _ = call(capsys, "recipes", "vit_b32_1b", "--diff", "vit_b16_1b")
    assert status == 0
    assert 'pretrain.architecture.name: "vit_base_patch16_224" -> "vit_base_patch32_224"' in out.splitlines()
    assert not any(line.startswith("gates") for line in out.splitlines())
    status, _, err = call(capsys, "recipes", "--diff", "vit_b16_1b")
    assert status == 1
    assert "name the recipe" in err


def test_a_printed_recipe_can_be_used(capsys, tmp_path):
    _, out, _ = call(capsys, "recipes", "debug")
    (tmp_path / "mine.json").write_text(out)
    status, again, _ = call(capsys, "recipes", str(tmp_path / "mine.json"))
    assert status == 0
    assert json.loads(again) == json.loads(out)


def test_plan_of_paper_scale(capsys):
    status, out, _ = call(capsys, "plan", "--recipe", "vit_b16_1b", "--hardware", "h100")
    plan = json.loads(out)
    assert status == 0
    assert plan["num_steps"] == 317_383  # one epoch of 1.3 billion images at 4,096 a step
    assert plan["num_devices"] == 256
    assert plan["device_hours"] > 0


def test_a_plan_measures_labels_with_their_corpus_only(capsys, mini_labels):
    status, out, err = call(capsys, "plan", "--labels", str(mini_labels))
    assert (status, out) == (1, "")
    assert f"--labels='{mini_labels}': name its --corpus too" in err


def test_outside_the_repository_the_remedy_is_named(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = call(capsys, "run")
    assert status == 1
    assert "VITRAIL_HOME" in err


def test_a_sheet_is_made_marked_and_read(capsys, mini_corpus, mini_labels, tmp_path):
    sheet, corpus = tmp_path / "sheet", str(mini_corpus)
    making = ("labels", "judge", str(sheet), "--corpus", corpus, "--labels", str(mini_labels), "--pairs", "3")
    status, out, _ = call(capsys, *making)
    assert status == 0
    assert "3 phrases on 3 pictures of emoji-mini" in out
    lines = (sheet / "pairs.csv").read_text().splitlines()
    (sheet / "pairs.csv").write_text("\n".join([lines[0], lines[1] + "y", lines[2] + "n", lines[3]]))
    reading = ("labels", "judge", str(sheet), "--corpus", corpus, "--read", str(tmp_path / "judgements.parquet"))
    status, out, _ = call(capsys, *reading)
    assert status == 0
    assert "2 judgements, 1 right; 1 pairs left open" in out


def test_rejections_are_listed_by_reason_and_language(capsys, mini_labels):
    _, out, _ = call(capsys, "labels", "rejected", str(mini_labels))
    assert re.search(r"^fragment +[\d,]+  begins with a stop word, ends with one", out, flags=re.MULTILINE)
    _, out, _ = call(capsys, "labels", "rejected", str(mini_labels), "--reason", "stop_word", "--language", "de")
    assert "\tde\tmit\n" in out
    status, _, err = call(capsys, "labels", "rejected", str(mini_labels), "--reason", "ugly")
    assert status == 1
    assert "reasons are rare, boilerplate" in err


def test_label_sets_are_compared(capsys, mini_labels):
    status, out, _ = call(capsys, "labels", "diff", str(mini_labels), str(mini_labels))
    assert status == 0
    assert re.search(r"^lost +0", out, flags=re.MULTILINE)
    assert re.search(r"^churn +0\.0%", out, flags=re.MULTILINE)
    _, out, _ = call(capsys, "labels", "diff", str(mini_labels), str(mini_labels), "--json")
    assert json.loads(out)["new"] == []
    status, _, err = call(capsys, "labels", "diff", str(mini_labels), "nowhere")
    assert status == 1
    assert "nowhere is not a label set" in err


def test_sources_and_scorers(capsys, mini_labels):
    _, out, _ = call(capsys, "labels", "sources", str(mini_labels))
    assert re.search(r"^short_name +[\d,]+ +[\d,]+ +[\d.]+%", out, flags=re.MULTILINE)
    status, _, err = call(capsys, "labels", "scorers", str(mini_labels))
    assert status == 1
    assert "derived without judgements" in err


def test_an_image_is_explained_as_text_page_and_json(capsys, mini_corpus, mini_labels, tmp_path):
    image_id = pq.read_table(mini_corpus / "index" / "00000.parquet")["image_id"][0].as_py()
    arguments = ("explain", image_id, "--corpus", str(mini_corpus), "--labels", str(mini_labels))
    _, out, _ = call(capsys, *arguments, "--page", str(tmp_path / "page.html"))
    assert re.search(r"^text    short_name \[en\]: ", out, flags=re.MULTILINE)
    assert re.search(r"^vote    0\.\d\d  ", out, flags=re.MULTILINE)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "data:image/webp" in page
    assert image_id in page
    _, out, _ = call(capsys, *arguments, "--json")
    assert json.loads(out)["labels"][0]["votes"]


def test_the_corpus_of_a_label_set_is_found_by_its_digest(capsys, mini_corpus, mini_labels, tmp_path, monkeypatch):
    image_id = pq.read_table(mini_corpus / "index" / "00000.parquet")["image_id"][0].as_py()
    labels = shutil.copytree(mini_labels, tmp_path / "somewhere" / "labels")
    (tmp_path / "data" / "emoji").mkdir(parents=True)  # what the command looked at before is none
    monkeypatch.chdir(tmp_path)
    status, _, err = call(capsys, "explain", image_id, "--labels", str(labels))
    assert status == 1
    assert "name the folder it lies in with --corpus" in err
    (tmp_path / "data" / "mini").symlink_to(mini_corpus)
    expected = call(capsys, "explain", image_id, "--labels", str(labels), "--corpus", str(mini_corpus))
    assert expected[0] == 0
    assert call(capsys, "explain", image_id, "--labels", str(labels)) == expected
    (tmp_path / "data" / "mini").rename(labels.parent / "corpus")  # beside it, as in a run
    assert call(capsys, "explain", image_id, "--labels", str(labels)) == expected
    other = shutil.copytree(mini_corpus, tmp_path / "other")
    digest = json.loads((other / "corpus.json").read_text())["digest"]
    (other / "corpus.json").write_text((other / "corpus.json").read_text().replace(digest, "0" * 64))
    status, _, err = call(capsys, "explain", image_id, "--labels", str(labels), "--corpus", str(other))
    assert status == 1
    assert f"was derived from another corpus ({digest[:12]})" in err


def test_labels_are_derived_audited_and_trained_on_by_hand(capsys, mini_corpus, tmp_path):
    labels = tmp_path / "labels"
    status, out, err = call(capsys, "labels", "derive", str(mini_corpus), "--recipe", "debug", "--out", str(labels))
    assert status == 0, err
    assert "labels on" in out
    status, out, _ = call(
        capsys, "labels", "audit", str(labels), "--corpus", str(mini_corpus), "--out", str(tmp_path / "audit")
    )
    assert status == 0
    *coverage, page = out.splitlines()
    assert [line.split()[0] for line in coverage] == ["specific", "generic", "unlabelled", "labels", "entropy"]
    assert Path(page).exists()
    work = tmp_path / "training"
    paths = ["--corpus", str(mini_corpus), "--labels", str(labels), "--out", str(work)]
    status, out, _ = call(capsys, "job", "--recipe", "debug", "--profile-steps", "2", *paths)
    assert status == 0
    done = subprocess.run([sys.executable, "-m", "torch.distributed.run", *out.split()[1:]], check=False)
    assert done.returncode == 0
    assert (work / "result" / "model.safetensors").exists()
    assert json.loads((work / "result" / "trace.json").read_text())["traceEvents"]
