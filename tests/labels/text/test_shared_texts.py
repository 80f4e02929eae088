"""How much a text is its picture's own."""

import numpy as np
import pyarrow as pa
import pytest

from vitrail.labels.text.shared_texts import SharedTexts, count_shared_texts, load_shared_texts, save_shared_texts

NUM_IMAGES = 100


def shared_texts(**num_images):
    """Of pictures that have these texts, and of others that have one each."""
    texts = [text for text, count in num_images.items() for _ in range(count)]
    texts += [f"alone {chr(97 + index % 26) * (index + 1)}" for index in range(NUM_IMAGES - len(texts))]
    return count_shared_texts(pa.array(texts), np.arange(NUM_IMAGES))


def test_a_text_counts_the_less_the_more_pictures_have_it():
    shared = shared_texts(theme=60, board=10, pair=2)
    found = shared.find(pa.array(["theme", "board", "pair", "alone a", "never seen", None]))
    assert found[:3] == pytest.approx([0.15, 0.5, 1 - np.log(2) / np.log(100)], abs=1e-4)
    assert (found[3:] == 1).all()


def test_texts_that_differ_in_numbers_are_one():
    texts = pa.array([f"Holiday in Rome {number}" for number in range(10)] + ["Holiday in Paris"])
    found = count_shared_texts(texts, np.arange(11)).find(pa.array(["Holiday in Rome 999", "Holiday in Paris"]))
    assert found[0] == pytest.approx(0.15)
    assert found[1] == 1


def test_a_picture_that_repeats_a_text_has_it_for_itself():
    assert (count_shared_texts(pa.array(["cat", "cat", "dog"]), np.array([0, 0, 1])).find(pa.array(["cat"])) == 1).all()


def test_the_answer_does_not_depend_on_the_batch():
    shared = shared_texts(theme=50, board=10)
    texts = pa.array(["board", None, "theme", "alone a", "board"])
    whole = shared.find(texts).tolist()
    assert [shared.find(texts.slice(index, 1))[0] for index in range(len(texts))] == whole


def test_shared_texts_survive_the_disk(tmp_path):
    shared = shared_texts(theme=3)
    save_shared_texts(shared, tmp_path / "shared.npz")
    found = load_shared_texts(tmp_path / "shared.npz")
    assert found.hashes.tolist() == shared.hashes.tolist()
    assert found.ownness.tolist() == shared.ownness.tolist()


def test_where_nothing_is_shared_every_text_is_its_pictures_own():
    none = SharedTexts(hashes=np.zeros(0, dtype=np.uint64), ownness=np.zeros(0, dtype=np.float32))
    assert none.find(pa.array(["cat", None])).tolist() == [1, 1]
    assert not len(count_shared_texts(pa.array([], pa.string()), np.zeros(0, dtype=np.int64)).hashes)
