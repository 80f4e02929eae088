"""Long work waits for long work only, and not without end."""

import threading

import anyio
import pytest

from serving.endpoint.lanes import LONG_S, PictureLanes
from serving.endpoint.refusals import Refusal
from vitrail.errors import CorpusError


class Decoder:
    """Stands for an engine: `l...` takes long, until it is released; `b...` is broken."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.num_long = 0
        self.most_long = 0

    def decoding_s(self, data: bytes) -> float:
        if data.startswith(b"b"):
            raise CorpusError("broken")
        return 2 * LONG_S if data.startswith(b"l") else LONG_S

    def prepare(self, data: bytes) -> bytes:
        if data.startswith(b"l"):
            self.num_long += 1
            self.most_long = max(self.most_long, self.num_long)
            assert self.release.wait(60)
            self.num_long -= 1
        return data.upper()


def test_short_work_passes_long_work_which_is_done_one_by_one():
    decoder, answers = Decoder(), []

    async def ask(lanes, data):
        answers.append(await lanes.prepare(data))

    async def main():
        lanes = PictureLanes(decoder, num_threads=2)
        async with anyio.create_task_group() as group:
            for number in range(5):
                group.start_soon(ask, lanes, b"long %d" % number)
            await anyio.sleep(0.05)
            for number in range(9):
                await ask(lanes, b"s%d" % number)
            assert len(answers) == 9
            decoder.release.set()

    anyio.run(main)
    assert decoder.most_long == 1
    assert sorted(answers[9:]) == [b"LONG %d" % number for number in range(5)]


def test_long_work_beyond_a_queue_is_refused_with_a_time_to_try_again():
    decoder, refused = Decoder(), []

    async def ask(lanes, number):
        try:
            await lanes.prepare(b"l%d" % number)
        except Refusal as refusal:
            refused.append((refusal.status, refusal.code, refusal.retry_after_s))
            if len(refused) == 11:
                decoder.release.set()

    async def main():
        lanes = PictureLanes(decoder, num_threads=2)
        async with anyio.create_task_group() as group:
            for number in range(20):
                group.start_soon(ask, lanes, number)

    anyio.run(main)
    assert refused == [(503, "busy", 1)] * 11


def test_a_broken_picture_is_a_refusal():
    async def main():
        with pytest.raises(Refusal, match="the picture cannot be used: broken") as caught:
            await PictureLanes(Decoder(), 1).prepare(b"b")
        assert (caught.value.status, caught.value.code) == (400, "bad_picture")

    anyio.run(main)
