"""Vectors of texts and the label sets made of them: the same bytes whatever the threads and the order of the texts."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from vitrail.labels.text.encoder import load_encoder

TEXTS = [f"{word} {' '.join(['of the sea'] * (row % 7))}" for row, word in enumerate(["whale", "apple", "guitar"] * 90)]
DERIVE = """
import sys
from pathlib import Path
from vitrail.labels import LabelsConfig, derive_labels
from vitrail.labels.text.encoder import load_encoder
corpus, out, *texts = sys.argv[1:]
derive_labels(Path(corpus), Path(out), LabelsConfig())
load_encoder().encode(texts).tofile(Path(out) / "vectors")
"""


def test_vectors_do_not_depend_on_order_or_repetition():
    encoder = load_encoder()
    texts = sorted(set(TEXTS))
    order = np.random.default_rng(0).permutation(len(TEXTS))
    expected = dict(zip(texts, encoder.encode(texts), strict=True))
    found = encoder.encode([TEXTS[row] for row in order])
    assert found.tobytes() == np.array([expected[TEXTS[row]] for row in order]).tobytes()
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)
    assert encoder.encode([]).shape == (0, found.shape[1])


@pytest.mark.parametrize("num_threads", [1, 3])
def test_encoding_leaves_the_threads_of_the_caller(num_threads):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(num_threads)
        load_encoder().encode(["whale"])
        assert torch.get_num_threads() == num_threads
    finally:
        torch.set_num_threads(before)


def test_vectors_and_label_sets_do_not_depend_on_the_number_of_threads(mini_corpus, tmp_path):
    for num_threads in ("1", "2"):
        command = [sys.executable, "-c", DERIVE, str(mini_corpus), str(tmp_path / num_threads), *TEXTS]
        environment = os.environ | {"OMP_NUM_THREADS": num_threads, "MKL_NUM_THREADS": num_threads}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
    assert _contents(tmp_path / "1") == _contents(tmp_path / "2")


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
