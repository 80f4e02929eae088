"""Lists of labels, one an image, kept flat as Parquet keeps them."""

import numpy as np
import torch
from torch import Tensor

__all__ = ["LabelLists"]


class LabelLists:
    """Head outputs with scores, a list for each row."""

    def __init__(self, offsets: np.ndarray, outputs: np.ndarray, scores: np.ndarray) -> None:
        """Keeps the lists; row i has entries `offsets[i]` to `offsets[i + 1]`, from `offsets[0]` on."""
        self._starts = offsets.astype(np.int64) - int(offsets[0])
        self._outputs = outputs.astype(np.int64, copy=False)
        self._scores = scores.astype(np.float32, copy=False)

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        """int64 [rows]: labels of each row."""
        return self._starts[rows + 1] - self._starts[rows]

    def outputs(self, rows: np.ndarray) -> np.ndarray:
        """The head outputs of the rows, end to end."""
        return self._outputs[self._entries(rows, self.lengths(rows))]

    def pad(self, rows: np.ndarray, width: int) -> tuple[Tensor, Tensor]:
        """Int64 [rows, width] outputs padded with -1, and float32 [rows, width] scores padded with 0."""
        lengths = np.minimum(self.lengths(rows), width)
        is_filled = np.arange(width) < lengths[:, None]
        entries = self._entries(rows, lengths)
        outputs_bk = np.full(is_filled.shape, -1, dtype=np.int64)
        scores_bk = np.zeros(is_filled.shape, dtype=np.float32)
        outputs_bk[is_filled] = self._outputs[entries]
        scores_bk[is_filled] = self._scores[entries]
        return torch.from_numpy(outputs_bk), torch.from_numpy(scores_bk)

    def _entries(self, rows: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        shifts = self._starts[rows] - (np.cumsum(lengths) - lengths)
        return np.arange(int(lengths.sum())) + np.repeat(shifts, lengths)
