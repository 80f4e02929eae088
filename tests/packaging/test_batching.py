import asyncio
import threading

import pytest

from vitrail.errors import ServingError
from vitrail.packaging import Batcher


def test_what_arrives_while_the_model_is_busy_is_one_batch():
    sizes = []
    is_running, may_go_on = threading.Event(), threading.Event()

    def double(items):
        sizes.append(len(items))
        is_running.set()
        may_go_on.wait(10)
        return [2 * item for item in items]

    async def run():
        batcher = Batcher(double, max_batch_size=4)
        first = asyncio.create_task(batcher.submit(0))
        await asyncio.to_thread(is_running.wait, 10)
        others = [asyncio.create_task(batcher.submit(item)) for item in range(1, 8)]
        await asyncio.sleep(0)
        may_go_on.set()
        results = await asyncio.gather(first, *others)
        batcher.close()
        return results

    assert asyncio.run(run()) == [2 * item for item in range(8)]
    assert sizes == [1, 4, 3]


def test_an_error_reaches_every_caller_of_the_batch_and_no_other():
    def refuse(items):
        if 13 in items:
            raise ValueError("thirteen")
        return items

    async def run():
        batcher = Batcher(refuse, max_batch_size=1)
        results = await asyncio.gather(*map(batcher.submit, (1, 13, 2)), return_exceptions=True)
        batcher.close()
        return results

    first, second, third = asyncio.run(run())
    assert (first, third) == (1, 2)
    assert isinstance(second, ValueError)


def test_a_caller_that_left_disturbs_nobody():
    async def run():
        batcher = Batcher(lambda items: items, max_batch_size=8)
        gone = asyncio.create_task(batcher.submit(1))
        await asyncio.sleep(0)
        gone.cancel()
        result = await batcher.submit(2)
        batcher.close()
        return result

    assert asyncio.run(run()) == 2


def test_closing_answers_what_waits_and_refuses_what_comes():
    async def run():
        batcher = Batcher(lambda items: items, max_batch_size=2)
        waiting = [asyncio.create_task(batcher.submit(item)) for item in range(5)]
        await asyncio.sleep(0)
        await asyncio.to_thread(batcher.close)
        with pytest.raises(ServingError, match="shutting down"):
            await batcher.submit(9)
        return await asyncio.gather(*waiting)

    assert asyncio.run(run()) == list(range(5))
