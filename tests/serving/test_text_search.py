"""Searches by words over HTTP: what names a label in any of its forms, and what is said when nothing does."""

import pytest

from builders.served_model import COARSE, FIRST_ID, TERMS, labels_of_row
from vitrail.contracts.bundle import read_bundle
from vitrail.evaluation import open_index


@pytest.fixture(scope="module")
def index(bundle):
    return open_index(bundle / "index", read_bundle(bundle).model_id)


@pytest.fixture(scope="module")
def scores(index):
    """Labels of each image by key; the last image has no text."""
    return [labels_of_row(row) for row in range(len(index) - 1)] + [{}]


def ask(client, text, **parameters):
    return client.get("/search/text", params={"text": text, **parameters})


def found(client, text, **parameters):
    """All images by pages of 7, and the labels that were named and words that were not."""
    images, offset = [], 0
    while offset is not None:
        answer = ask(client, text, k=7, offset=offset, **parameters)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        images += page["images"]
        offset = page["next_offset"]
    return images, [label["label"] for label in page["labels"]], page["ignored"]


def expected(scores, *labels):
    """Keys and scores by the mean over the labels, then by key."""
    means = [(sum(own.get(label, 0) for label in labels) / len(labels), key) for key, own in enumerate(scores)]
    return [(key, score) for score, key in sorted(means, key=lambda it: (-it[0], it[1])) if score > 0]


@pytest.mark.parametrize(
    ("text", "labels", "ignored"),
    [
        ("cat", ["cat"], []),
        ("CATS!", ["cat"], []),
        ("kitten", ["cat"], []),
        ("gato", ["cat"], []),
        ("a cat on the train", ["cat", "train"], ["a", "on", "the"]),
        ("cat cat cat", ["cat"], []),
        ("sun hat", ["face"], []),
        ("hat in the sun", ["sun"], ["hat", "in", "the"]),
        ("sun, hat", ["sun"], ["hat"]),
    ],
)
def test_labels_are_found_in_every_form_and_other_words_are_told(client, scores, text, labels, ignored):
    images, named, left = found(client, text)
    assert (named, left) == (labels, ignored)
    assert [(image["key"], pytest.approx(image["score"])) for image in images] == expected(scores, *labels)


def test_results_say_what_their_texts_say(client, scores):
    answer = ask(client, "cat").json()
    assert answer["labels"] == [{"label": "cat", "label_id": FIRST_ID + TERMS.index("cat")}]
    for image in answer["images"]:
        own = scores[image["key"]]
        assert image["labels"] == [{"label": label, "score": score} for label, score in own.items()]
        assert client.get(image["thumbnail"]).status_code == 200


@pytest.mark.parametrize("text", ["zebra", "the", "moon", "?!", " ", "\0", "🐈", "ca", "猫", "x" * 200])
def test_words_that_name_no_label_find_nothing_and_say_so(client, text):
    """`moon` is a term whose label has too few images, `the` one that the dictionary refused."""
    answer = ask(client, text)
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_label")


@pytest.mark.parametrize(
    "values", [[], [""], ["x" * 201], ["cat", "cat"], ["cat " * 2000]], ids=lambda it: str(it)[:20]
)
def test_a_text_that_is_not_given_once_or_is_long_is_refused_before_it_is_read(client, values):
    answer = client.get("/search/text", params={"text": values})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_text")


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"domain": "no such domain"}, "bad_domain"),
        ({"label": "no such label"}, "bad_label"),
        ({"k": "0"}, "bad_k"),
        ({"offset": "-1"}, "bad_offset"),
        ({"id": "x"}, "unknown_parameter"),
    ],
    ids=repr,
)
def test_other_parameters_are_as_strict_as_those_of_a_search(client, parameters, code):
    answer = ask(client, "cat", **parameters)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_filters_leave_the_images_that_pass(client, index):
    everything = found(client, "cat sun")[0]
    domain = index.values("domain")[0]
    passing = [image for image in everything if image["domain"] == domain]
    assert 0 < len(passing) < len(everything)
    assert found(client, "cat sun", domain=domain)[0] == passing


def test_a_search_by_picture_or_id_can_be_among_images_with_a_label(client, index, scores):
    asked = {"id": index.item(0).image_id, "k": 100}
    everything = client.post("/search", params=asked).json()["neighbours"]
    for labels in (["cat"], ["cat", "sun"]):
        among = client.post("/search", params={**asked, "label": labels}).json()["neighbours"]
        passing = [image for image in everything if set(labels) & scores[image["key"]].keys()]
        assert len(passing) > 0
        assert among[: len(passing)] == passing
    nobody = client.post("/search", params={**asked, "label": COARSE}).json()
    assert (nobody["neighbours"], nobody["next_offset"]) == ([], None)
