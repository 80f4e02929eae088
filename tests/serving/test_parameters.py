"""Parameters in every spelling that is not the one: refused at once, on every route that takes them."""

import time

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from builders.pictures import make_picture

ROUTES = ("embed", "classify", "search")
AT_ONCE_S = 5.0
DIGITS = "9" * 5009
NUMBERS = ("00000001099999999", DIGITS, "0", "101", "007", "+5", "-1", "1_0", "1e1", "3.0", "٣", "²")
NOT_ONE_TO_100 = (*NUMBERS, " 5", "5\n", "")
PICTURE = make_picture(1)
BARE = {"content-type": "image/png"}


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["error"]
    assert answer.elapsed.total_seconds() < AT_ONCE_S


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("k", NOT_ONE_TO_100, ids=lambda k: repr(k)[:20])
def test_a_k_that_is_no_plain_number_from_1_to_100_is_refused(client, route, k):
    refused(client.post(f"/{route}", files={"image": PICTURE}, data={"k": k}), 400, "bad_k")
    refused(client.post(f"/{route}", params={"k": k}, content=PICTURE, headers=BARE), 400, "bad_k")


@given(k=st.text(max_size=30))
@example(k="100")
@example(k="1")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_answered_has_as_many_neighbours_as_were_asked_for(client, k):
    answer = client.post("/search", params={"k": k}, content=PICTURE, headers=BARE)
    if k in {str(number) for number in range(1, 101)}:
        assert len(answer.json()["neighbours"]) == int(k)
    else:
        refused(answer, 400, "bad_k")


def test_two_values_of_k_are_refused(client):
    refused(client.post("/search?k=3", files={"image": PICTURE}, data={"k": "3"}), 400, "bad_k")
    refused(client.post("/search?k=3&k=4", content=PICTURE, headers=BARE), 400, "bad_k")


@pytest.mark.parametrize("key", ["1" * 4400, "999999", "00", "-1", "+1", "٣", "1e1", "x"], ids=lambda key: key[:8])
def test_a_thumbnail_that_is_not_there_is_refused_at_once(client, key):
    started = time.monotonic()
    refused(client.get(f"{client.get('/about').json()['thumbnails']}/{key}.webp"), 404, "no_such_image")
    assert time.monotonic() - started < AT_ONCE_S


def test_a_thumbnail_of_another_index_is_not_shown(client):
    """Its address is kept for a year by whoever has seen it, so it may only ever show one picture."""
    right = client.get("/about").json()["thumbnails"]
    assert client.get(f"{right}/0.webp").headers["cache-control"].endswith("immutable")
    other = right[:-1] + ("0" if right[-1] != "0" else "1")
    for folder in (other, "/thumbnails/x", "/thumbnails/example", right[:-1], right + "0"):
        answer = client.get(f"{folder}/0.webp")
        refused(answer, 404, "no_such_image")
        assert "cache-control" not in answer.headers
