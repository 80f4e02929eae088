"""Searches over HTTP against NumPy: by images of the gallery, by several things, within filters, page by page."""

import numpy as np
import pytest

from vitrail.contracts.bundle import read_bundle
from vitrail.evaluation import nearest_binary, open_index
from vitrail.packaging.golden import read_golden

MANY = ["-"] * 9
LONG = "x" * 501


@pytest.fixture(scope="module")
def golden(bundle):
    return read_golden(bundle / "golden")


@pytest.fixture(scope="module")
def index(bundle):
    return open_index(bundle / "index", read_bundle(bundle).model_id)


def search(client, *pictures, **parameters):
    files = [("image", ("a", picture)) for picture in pictures]
    answer = client.post("/search", params=parameters, files=files or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def pages(client, *pictures, **parameters):
    """All results, by pages of 7."""
    found, offset = [], 0
    while offset is not None:
        page = search(client, *pictures, k=7, offset=offset, **parameters)
        assert len(page["neighbours"]) <= 7
        found += page["neighbours"]
        offset = page["next_offset"]
    return found


def nearest(index, code):
    """Every key and distance, by NumPy."""
    keys, distances = nearest_binary(code[None], np.stack([index.code(key) for key in range(len(index))]), len(index))
    return list(zip(keys[0].tolist(), distances[0].tolist(), strict=True))


def pairs(neighbours):
    return [(image["key"], image["distance"]) for image in neighbours]


def test_an_image_of_the_gallery_finds_what_its_picture_finds_but_itself(client, golden):
    for image_id, picture in zip(golden.image_ids[:3], golden.images[:3], strict=True):
        by_picture = search(client, picture, k=8)["neighbours"]
        by_id = search(client, id=image_id, k=7)
        assert by_picture[0]["image_id"] == image_id
        assert by_id["neighbours"] == [image for image in by_picture if image["image_id"] != image_id][:7]
        assert [image["image_id"] for image in by_id["asked"]] == [image_id]
        assert by_id["asked"][0]["labels"] == by_picture[0]["labels"] != []
        assert search(client, id=image_id, k=8, exclude_self="false")["neighbours"] == by_picture


def test_several_ask_by_the_mean_of_their_unit_vectors(client, golden, index):
    keys = [index.key_of(image_id) for image_id in golden.image_ids]
    units = golden.embeddings / np.linalg.norm(golden.embeddings, axis=1, keepdims=True)
    for rows, num_pictures in (((0, 3), 0), ((0, 3), 1), ((0, 3), 2), ((1, 2, 5, 7), 2)):
        code = np.packbits(units[list(rows)].mean(axis=0) > 0)
        asking = {keys[row] for row in rows[num_pictures:]}
        expected = [pair for pair in nearest(index, code) if pair[0] not in asking]
        found = pages(
            client,
            *(golden.images[row] for row in rows[:num_pictures]),
            id=[golden.image_ids[row] for row in rows[num_pictures:]],
        )
        assert pairs(found) == expected


def test_pages_are_one_exact_order_without_gaps_and_repeats(client, golden, index):
    key = index.key_of(golden.image_ids[4])
    expected = nearest(index, index.code(key))
    assert pairs(pages(client, golden.images[4])) == expected
    assert pairs(pages(client, id=golden.image_ids[4])) == [pair for pair in expected if pair[0] != key]
    past = search(client, golden.images[4], offset=1000)
    assert (past["neighbours"], past["next_offset"]) == ([], None)


def test_filters_leave_the_images_that_pass_them_all_in_the_same_order(client, golden, index):
    domains, groups = index.values("domain"), index.values("group")
    everything = pages(client, golden.images[0])
    for filters in (
        {"domain": domains[0]},
        {"domain": domains},
        {"group": groups[:3]},
        {"group": groups[:5], "domain": domains[-1]},
    ):
        passing = [
            image
            for image in everything
            if all(image[name] in ([wanted] if isinstance(wanted, str) else wanted) for name, wanted in filters.items())
        ]
        assert len(passing) > 0
        assert pages(client, golden.images[0], **filters) == passing


def test_one_domain_can_ask_the_other(client, golden, index):
    """The cross-style task of the model, as a product asks it."""
    asking = index.item(index.key_of(golden.image_ids[0]))
    others = [domain for domain in index.values("domain") if domain != asking.domain]
    found = search(client, id=asking.image_id, domain=others)["neighbours"]
    assert {image["domain"] for image in found} == set(others)


def test_a_search_says_what_its_pictures_are_when_asked(client, golden):
    described = search(client, *golden.images[:2], describe="true")["described"]
    alone = [client.post("/classify", files={"image": picture}).json() for picture in golden.images[:2]]
    for found, expected in zip(described, alone, strict=True):
        assert found["annotations"][0]["label"] == expected["annotations"][0]["label"]
        for task, probabilities in expected["tasks"].items():
            assert found["tasks"][task] == pytest.approx(probabilities, abs=1e-4)
    assert search(client, golden.images[0])["described"] == []


def test_parameters_may_stand_in_the_form_or_in_the_address(client, golden):
    image_id, other = golden.image_ids[:2]
    in_form = client.post("/search", files=[("id", (None, image_id)), ("id", (None, other)), ("k", (None, "3"))])
    assert in_form.json() == search(client, id=[image_id, other], k=3)
    bare = client.post("/search", params={"id": other}, content=golden.images[0], headers={"content-type": "image/png"})
    assert bare.json() == search(client, golden.images[0], id=other)


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ({"id": "no such image"}, 404, "no_such_image"),
        ({"id": MANY}, 400, "bad_id"),
        ({"id": LONG}, 400, "bad_id"),
        ({"id": ""}, 400, "bad_id"),
        ({"id": "ID", "domain": "no such domain"}, 400, "bad_domain"),
        ({"id": "ID", "group": "no such group"}, 400, "bad_group"),
        ({"id": "ID", "group": MANY}, 400, "bad_group"),
        ({"id": "ID", "domain": LONG}, 400, "bad_domain"),
        ({"id": "ID", "offset": "1001"}, 400, "bad_offset"),
        ({"id": "ID", "offset": ["1", "1"]}, 400, "bad_offset"),
        ({"id": "ID", "offset": "9" * 5009}, 400, "bad_offset"),
        ({"id": "ID", "exclude_self": "no"}, 400, "bad_exclude_self"),
        ({"id": "ID", "exclude_self": ["true", "true"]}, 400, "bad_exclude_self"),
        ({"id": "ID", "describe": "1"}, 400, "bad_describe"),
        ({"id": "ID", "domains": "x"}, 400, "unknown_parameter"),
        ({"id": "ID", "image": "http://127.0.0.1:1/a.png"}, 400, "unknown_parameter"),
        ({"k": "3"}, 400, "bad_query"),
    ],
    ids=repr,
)
def test_what_cannot_be_asked_is_refused_with_a_reason(client, golden, parameters, status, code):
    asked = {name: golden.image_ids[0] if value == "ID" else value for name, value in parameters.items()}
    answer = client.post("/search", params=asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["error"]


def test_pictures_share_one_limit_of_bytes_and_of_number(client, golden):
    large = golden.images[0] + bytes(150_000)
    answer = client.post("/search", files=[("image", ("a", large))] * 2)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_bytes")
    nine = client.post("/search", params={"id": golden.image_ids[:8]}, files={"image": golden.images[0]})
    assert (nine.status_code, nine.json()["code"]) == (400, "bad_query")


def test_one_bad_picture_refuses_the_whole_search(client, golden):
    answer = client.post("/search", files=[("image", ("a", golden.images[0])), ("image", ("b", b"no picture"))])
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_picture")


def test_about_lists_the_domains(client, index):
    assert client.get("/about").json()["domains"] == index.values("domain")
