"""The real Bento over HTTP, and its proof."""

import io
import json
import re
import shutil
import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from builders.image_files import exif_block, jpeg_with
from builders.pictures import make_picture
from builders.served_model import CONFIG, LINEAGE, labels_of_row, save_random_model
from vitrail.contracts.bundle import read_bundle, seal_bundle
from vitrail.contracts.codec import load
from vitrail.contracts.serving import ServingReport
from vitrail.corpus import open_corpus
from vitrail.errors import ServingError
from vitrail.models import Predictor
from vitrail.packaging import prove_endpoint, running_endpoint
from vitrail.packaging.golden import read_golden

ROUTES = ("embed", "classify", "search")


@pytest.fixture(scope="module")
def picture(bundle) -> bytes:
    return read_golden(bundle / "golden").images[0]


def post(client, route, data, **fields):
    return client.post(f"/{route}", files={"image": ("cat.png", data, "image/png")}, data=fields)


def test_the_endpoint_is_proven_and_the_report_says_how(endpoint, bundle, bento, tmp_path):
    report = prove_endpoint(endpoint, bundle, CONFIG, tmp_path)
    assert report == load(ServingReport, tmp_path / "serving.json")
    assert report.is_passed
    assert report.num_errors == {}
    assert report.lineage.bento == bento.tag
    values = {check.name: check.value for check in report.checks}
    assert values["neighbours"] == 0
    assert 0 <= values["embeddings"] <= 1e-5
    assert 0 <= values["probabilities"] <= 1e-5


def test_another_model_in_the_bundle_fails_the_proof(endpoint, bundle, mini_corpus, tmp_path):
    """The running endpoint is the tampered one here: its bundle has other golden answers than it gives."""
    other = tmp_path / "bundle"
    shutil.copytree(bundle, other)
    folder = save_random_model(tmp_path / "model", mini_corpus, seed=1)
    golden = read_golden(bundle / "golden")
    answers = dict(np.load(other / "golden" / "answers.npz", allow_pickle=False))
    answers["embeddings"] = Predictor(folder).predict_bytes(golden.images).embeddings
    np.savez(other / "golden" / "answers.npz", allow_pickle=False, **answers)
    seal_bundle(other, read_bundle(bundle))
    with pytest.raises(ServingError, match="not proven: embeddings: largest difference"):
        prove_endpoint(endpoint, other, CONFIG, tmp_path / "proof")
    report = load(ServingReport, tmp_path / "proof" / "serving.json")
    assert [check.name for check in report.checks if not check.is_passed] == ["embeddings"]


def test_a_changed_file_keeps_the_endpoint_from_starting(bento, tmp_path):
    shutil.copytree(bento.path, tmp_path / "bento")
    weights = tmp_path / "bento" / "src" / "bundle" / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    with (
        pytest.raises(ServingError, match=r"model\.safetensors missing, changed"),
        running_endpoint(tmp_path / "bento", log=tmp_path / "log", timeout_s=60),
    ):
        pass


@pytest.mark.parametrize("route", ROUTES)
def test_answers_state_version_and_lineage(client, route, picture, bento):
    answer = post(client, route, picture)
    assert answer.status_code == 200
    assert answer.json()["model_version"] == answer.headers["x-vitrail-model-version"] == "vitrail/1"
    lineage = json.loads(answer.headers["x-vitrail-lineage"])
    assert (lineage["run_id"], lineage["bento"]) == (LINEAGE.run_id, bento.tag)


def test_classify_gives_every_class_and_the_best_annotations(client, picture, mini_corpus):
    answer = post(client, "classify", picture, k="4").json()
    tasks = {task.name: task.classes for task in open_corpus(mini_corpus).manifest.tasks}
    for task, probabilities in answer["tasks"].items():
        assert tuple(probabilities) == tasks[task]
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
    scores = [annotation["probability"] for annotation in answer["annotations"]]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=True)


def test_search_gives_neighbours_with_their_texts_and_thumbnails(client, picture, bundle):
    golden = read_golden(bundle / "golden")
    found = post(client, "search", picture, k="6").json()["neighbours"]
    assert len(found) == 6
    assert found[0]["image_id"] == golden.image_ids[0]
    assert found[0]["similarity"] == 1
    labels = labels_of_row(found[0]["key"])
    assert found[0]["labels"] == [{"label": label, "score": score} for label, score in labels.items()]
    assert (found[0]["num_texts"], found[0]["language"]) == (2, "en")
    thumbnail = client.get(found[0]["thumbnail"])
    assert Image.open(io.BytesIO(thumbnail.content)).format == "WEBP"


def test_a_bare_image_body_is_taken_too(client, picture):
    bare = client.post("/search?k=2", content=picture, headers={"content-type": "image/png"})
    assert bare.json() == post(client, "search", picture, k="2").json()


def test_broken_metadata_do_not_break_an_answer(client):
    plain = make_picture(1, format="JPEG")
    odd = exif_block([(0x0112, 2, 2, b"6\0"), (0x011A, 10, 1, struct.pack("<I", 38))], struct.pack("<ii", -1, 0))
    for data in (
        jpeg_with(plain, (0xE1, b"Exif\0\0" + odd)),
        jpeg_with(plain, (0xE2, b"MPF\0II*\0")),
        plain + bytes(99_999),
    ):
        assert post(client, "search", data, k="2").json() == post(client, "search", plain, k="2").json()


def _png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4) + height.to_bytes(4) + b"\x08\6\0\0\0"


MULTIPART = {"content-type": "multipart/form-data; boundary=x"}
BAD = {
    "empty": ({"files": {"image": ("a", b"")}}, 400, "empty"),
    "text": ({"files": {"image": ("a.png", b"no picture")}}, 400, "not a PNG"),
    "svg": ({"files": {"image": ("a.svg", b"<svg></svg>")}}, 400, "convert it to PNG"),
    "bomb": ({"files": {"image": ("a.png", _png(60_000, 60_000))}}, 400, "pixels"),
    "no body": ({"files": {"image": ("a.png", _png(16, 16))}}, 400, "cannot be"),
    "too large": ({"files": {"image": ("a.png", bytes(300_000))}}, 413, "larger than"),
    "little too large": ({"files": {"image": ("a.png", bytes(200_001))}}, 413, "limit of 200,000"),
    "wrong field": ({"files": {"picture": ("a.png", b"x")}}, 400, "field `image`|parameter 'picture'"),
    "nine": ({"files": [("image", ("a", b"x"))] * 9}, 400, "one file|1 to 8 in all"),
    "address": ({"files": {"image": (None, "http://127.0.0.1:1/x.png")}}, 400, "field `image`"),
    "bad form": ({"content": b"nonsense", "headers": MULTIPART}, 400, "field `image`|malformed"),
    "no boundary": ({"content": b"x", "headers": {"content-type": "multipart/form-data"}}, 400, "malformed"),
    "cut form": (
        {"content": b'--x\r\nContent-Disposition: form-data; name="image"', "headers": MULTIPART},
        400,
        "form",
    ),
    "json": ({"json": {"image": "aGk="}}, 415, "curl -F"),
    "nothing": ({}, 415, "curl -F"),
    "pickle": (
        {"content": b"\x80\x04N.", "headers": {"content-type": "application/vnd.bentoml+pickle"}},
        415,
        "unsupported format",
    ),
    "k": ({"files": {"image": ("a.png", b"x")}, "data": {"k": "0"}}, 400, "k must be"),
    "k word": ({"files": {"image": ("a.png", b"x")}, "data": {"k": "many"}}, 400, "k must be"),
}


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("name", BAD)
def test_bad_requests_are_refused_with_a_reason(client, route, name):
    request, status, reason = BAD[name]
    answer = client.post(f"/{route}", **request)
    assert answer.status_code == status
    assert re.search(reason, answer.json()["error"])


def test_cut_and_damaged_pictures_are_refused(client, picture):
    damaged = picture[:100] + bytes(40) + picture[140:]
    for data in (picture[: len(picture) // 2], damaged):
        assert 400 <= post(client, "classify", data).status_code < 500


def test_eight_clients_at_once_get_no_error(client, bundle):
    images = read_golden(bundle / "golden").images * 8
    with ThreadPoolExecutor(8) as pool:
        jobs = list(zip(ROUTES * len(images), images, strict=False))
        statuses = set(pool.map(lambda job: post(client, *job).status_code, jobs))
    assert statuses == {200}


def test_health_metrics_and_documentation_are_there(client):
    for path in ("/livez", "/readyz", "/healthz", "/metrics", "/docs.json", "/about"):
        assert client.get(path).status_code == 200
    paths = client.get("/docs.json").json()["paths"]
    assert "multipart/form-data" in paths["/classify"]["post"]["requestBody"]["content"]


def test_the_page_needs_no_other_host(client):
    page = client.get("/")
    assert "<html" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for path in re.findall(r'(?:src|href)="(/[^"]*)"', page.text):
        asset = client.get(path)
        assert asset.status_code == 200, path
        assert not re.search(r"https?://(?!www\.w3\.org/)", asset.text)
    assert not re.search(r"https?://(?!www\.w3\.org/)", page.text)
