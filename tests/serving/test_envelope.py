"""Every response says what gave it, and every error has one shape, whoever made it."""

import json

import pytest

from vitrail.contracts.bundle import read_bundle

ERRORS = [
    ("GET", "/nowhere", 404, "not_found"),
    ("GET", "/page/nothing.js", 404, "not_found"),
    ("GET", "/thumbnails/x/0.webp", 404, "no_such_image"),
    ("GET", "/search", 405, "method_not_allowed"),
    ("DELETE", "/", 405, "method_not_allowed"),
    ("POST", "/search", 415, "not_a_picture"),
]


@pytest.mark.parametrize(("method", "path", "status", "code"), ERRORS)
def test_errors_have_one_shape(client, method, path, status, code):
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    content = answer.json()
    assert content.keys() == {"error", "code", "lineage"}
    assert content["code"] == code
    assert content["lineage"] == json.loads(answer.headers["x-vitrail-lineage"])


@pytest.mark.parametrize("path", ["/", "/page/app.js", "/about", "/readyz", "/metrics", "/nowhere"])
def test_every_path_states_the_lineage(client, path, bundle):
    lineage = json.loads(client.get(path).headers["x-vitrail-lineage"])
    assert lineage["model_id"] == read_bundle(bundle).model_id
