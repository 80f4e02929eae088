"""A bound on the processor time of decoding, kept where decoders ask for more bytes."""

import io
import time

from vitrail.errors import CorpusError

__all__ = ["DECODER_BLOCK_BYTES", "DecodingTooLongError", "TimedBytes"]

DECODER_BLOCK_BYTES = 4096  # a block of zeros compressed at best is 4 MB of pixels: a few milliseconds


class DecodingTooLongError(CorpusError):
    """An image whose decoding was given up."""


class TimedBytes(io.BytesIO):
    """A file in memory that cannot be read any more once this thread has worked for `max_cpu_s` seconds.

    Pillow hands PNG and JPEG to its decoders block by block, so they end there. WebP is read at once.
    """

    def __init__(self, data: bytes, max_cpu_s: float) -> None:
        super().__init__(data)
        self._max_cpu_s = max_cpu_s
        self._ends_s = time.thread_time() + max_cpu_s

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes.

        Raises:
            DecodingTooLongError: The time is over.
        """
        if time.thread_time() > self._ends_s:
            raise DecodingTooLongError(f"decoding takes more than {self._max_cpu_s:g} s; send a smaller picture")
        return super().read(size)
