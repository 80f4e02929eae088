"""Pictures that are cheap to send and costly to decode, at the served endpoint."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from builders.costly_pictures import COSTLY
from builders.pictures import make_picture


@pytest.mark.parametrize("name", COSTLY)
def test_a_costly_picture_is_a_bad_request(client, name):
    answer = client.post("/search", files={"image": COSTLY[name]()})
    assert (answer.status_code, answer.json()["code"]) in {(400, "bad_picture"), (413, "too_many_bytes")}


def test_six_bombs_at_once_keep_nobody_waiting(client):
    bomb, plain = COSTLY["blank_webp"](), make_picture(1)
    with ThreadPoolExecutor(7) as pool:
        bombs = [pool.submit(client.post, "/embed", files={"image": bomb}) for _ in range(6)]
        answer = pool.submit(client.post, "/embed", files={"image": plain}).result()
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() < 5
    assert [job.result().status_code for job in bombs] == [400] * 6
