"""Answers against the trainer's: what passes as equal and what does not."""

import copy

import numpy as np
import pytest

from vitrail.packaging.compare import compare_answers
from vitrail.packaging.golden import Golden

GOLDEN = Golden(
    image_ids=["a"],
    images=[b""],
    embeddings=np.array([[0.6, -0.8]], np.float32),
    keys=np.array([[4, 7, 9]]),
    distances=np.array([[0, 1, 2]]),
    probabilities={
        "tone": np.array([[0.25, 0.75]], np.float32),
        "annotations": np.array([[0.5, 0.1, 0.4]], np.float32),
    },
)
ANNOTATIONS = [
    {"task": "annotations", "output": 0, "probability": 0.5},
    {"task": "annotations", "output": 2, "probability": 0.4},
]
EQUAL = {
    "embed": {"embedding": [0.6, -0.8]},
    "classify": {"tasks": {"tone": {"light": 0.25, "dark": 0.75}}, "annotations": ANNOTATIONS},
    "search": {"neighbours": [{"key": 4, "distance": 0}, {"key": 7, "distance": 1}, {"key": 9, "distance": 2}]},
}


def failed(answers, golden=GOLDEN) -> list[str]:
    checks = compare_answers({route: [body] for route, body in answers.items()}, golden, 1e-4)
    return [check.name for check in checks if not check.is_passed]


def changed(route, change):
    answers = copy.deepcopy(EQUAL)
    change(answers[route])
    return answers


def test_equal_answers_pass():
    assert failed(EQUAL) == []
    assert failed(changed("embed", lambda body: body.update(embedding=[0.60005, -0.8]))) == []


@pytest.mark.parametrize(
    ("route", "change", "check"),
    [
        ("embed", lambda body: body.update(embedding=[0.601, -0.8]), "embeddings"),
        ("embed", lambda body: body.update(embedding=[0.6]), "embeddings"),
        ("embed", lambda body: body.update(embedding=[float("nan"), -0.8]), "embeddings"),
        ("embed", lambda body: body.clear(), "embeddings"),
        ("classify", lambda body: body["tasks"]["tone"].update(dark=0.7), "probabilities"),
        ("classify", lambda body: body["tasks"].clear(), "probabilities"),
        ("classify", lambda body: body["annotations"].clear(), "probabilities"),
        ("classify", lambda body: body["annotations"][0].update(output=1), "probabilities"),
        ("classify", lambda body: body["annotations"].pop(0), "probabilities"),
        ("search", lambda body: body["neighbours"].pop(), "neighbours"),
        ("search", lambda body: body["neighbours"][0].update(key=5), "neighbours"),
        ("search", lambda body: body["neighbours"][2].update(distance=3), "neighbours"),
        ("search", lambda body: body.clear(), "neighbours"),
    ],
)
def test_another_answer_fails_its_check(route, change, check):
    assert failed(changed(route, change)) == [check]


def test_no_answer_fails_every_check():
    assert failed(dict.fromkeys(EQUAL)) == ["embeddings", "probabilities", "neighbours"]


def test_a_bit_within_the_tolerance_of_zero_may_be_either():
    unsure = Golden(
        **{
            **{name: getattr(GOLDEN, name) for name in GOLDEN.__dataclass_fields__},
            "embeddings": np.array([[1.0, 0.00001]], np.float32),
        }
    )
    moved = changed("search", lambda body: body["neighbours"][2].update(key=11, distance=2))
    moved["embed"] = {"embedding": [1.0, -0.00002]}
    assert failed(moved, unsure) == []
    assert failed(changed("search", lambda body: body["neighbours"][1].update(distance=5)), unsure) == [
        "embeddings",
        "neighbours",
    ]
