"""Two processes answer where memory allows."""

import pytest

from serving.endpoint.workers import choose_num_workers, decide_num_workers, threads_of_a_worker
from vitrail.errors import ServingError

MIB = 2**20


@pytest.mark.parametrize(
    ("bundle_mib", "free_mib", "num_cores", "expected"),
    [
        (20, 8000, 2, 2),
        (20, 8000, 1, 2),
        (400, 8000, 2, 2),
        (20, 64_000, 16, 2),
        (20, 64_000, 64, 8),
        (20, 1500, 2, 1),
        (400, 3000, 2, 1),
        (4000, 100, 2, 1),
    ],
)
def test_there_are_two_or_one_for_eight_cores_if_they_fit(bundle_mib, free_mib, num_cores, expected):
    assert choose_num_workers(bundle_mib * MIB, free_mib * MIB, num_cores) == expected


def test_what_the_user_asks_for_is_taken(tmp_path):
    assert decide_num_workers(tmp_path, "3") == 3
    assert decide_num_workers(tmp_path, None) >= 1
    for wrong in ("0", "-1", "two", "1.5"):
        with pytest.raises(ServingError, match="give a whole number of processes"):
            decide_num_workers(tmp_path, wrong)


def test_cores_are_shared():
    assert threads_of_a_worker(10_000) == 1
    assert threads_of_a_worker(1) >= threads_of_a_worker(2) >= 1
