"""The batcher: groups form by themselves, and each caller gets its own result."""

import asyncio
from collections.abc import Sequence

import pytest

from service.platform.batcher import Batcher, Overloaded


class Work:
    """Doubles numbers; refuses negative ones, breaks on 13, and notes its groups."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, items: Sequence[int]) -> Sequence[int | Exception]:
        await self.gate.wait()
        self.groups.append(list(items))
        if 13 in items:
            raise RuntimeError("thirteen")
        if 404 in items:
            raise ConnectionError("gone")
        return [item * 2 if item >= 0 else ValueError(item) for item in items]


async def outcomes(batcher: Batcher[int, int], *items: int) -> list[int | BaseException]:
    return await asyncio.gather(*(batcher.submit(item) for item in items), return_exceptions=True)


async def test_waiting_callers_are_served_in_groups_of_the_size() -> None:
    work = Work()
    batcher = Batcher(work, size=4, groups=1, queue_limit=100)
    assert await outcomes(batcher, *range(9)) == [0, 2, 4, 6, 8, 10, 12, 14, 16]
    assert [len(group) for group in work.groups] == [4, 4, 1]


async def test_a_refused_caller_does_not_fail_its_group() -> None:
    batcher = Batcher(Work(), size=8, groups=1, queue_limit=100)
    first, second, third = await outcomes(batcher, 1, -1, 2)
    assert (first, third) == (2, 4)
    assert isinstance(second, ValueError)


async def test_an_unexpected_error_is_narrowed_to_the_one_who_causes_it() -> None:
    batcher = Batcher(Work(), size=8, groups=1, queue_limit=100)
    results = await outcomes(batcher, 1, 2, 3, 13, 5, 6, 7, 8)
    assert isinstance(results[3], RuntimeError)
    assert [result for result in results if not isinstance(result, Exception)] == [2, 4, 6, 10, 12, 14, 16]


async def test_everyones_error_is_not_searched_for() -> None:
    work = Work()
    batcher = Batcher(work, size=8, groups=1, queue_limit=100, shared=(ConnectionError,))
    assert all(isinstance(result, ConnectionError) for result in await outcomes(batcher, 1, 404, 3))
    assert len(work.groups) == 1


async def test_a_full_queue_refuses_at_once_and_says_when_to_come_back() -> None:
    work = Work()
    work.gate.clear()
    batcher = Batcher(work, size=1, groups=1, queue_limit=2)
    waiting = [asyncio.create_task(batcher.submit(1))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting += [asyncio.create_task(batcher.submit(n)) for n in (2, 3)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as caught:
        await batcher.submit(4)
    assert caught.value.headers == {"Retry-After": "1"}
    work.gate.set()
    assert await asyncio.gather(*waiting) == [2, 4, 6]


async def test_what_nobody_waits_for_any_more_is_handed_back() -> None:
    work = Work()
    work.gate.clear()
    unclaimed: list[int] = []

    async def take(results: Sequence[int]) -> None:
        unclaimed.extend(results)

    batcher = Batcher(work, size=2, groups=1, queue_limit=100, unclaimed=take)
    left, stays, queued = (asyncio.create_task(batcher.submit(n)) for n in (1, 2, 3))
    await asyncio.sleep(0.01)
    left.cancel()
    queued.cancel()
    await asyncio.sleep(0)
    work.gate.set()
    assert await stays == 4
    await batcher.close()
    assert unclaimed == [2]
    assert work.groups == [[1, 2]]


async def test_closing_serves_who_waits_and_refuses_who_comes_after() -> None:
    batcher = Batcher(Work(), size=2, groups=2, queue_limit=100)
    waiting = [asyncio.create_task(batcher.submit(n)) for n in range(5)]
    await asyncio.sleep(0)
    await batcher.close()
    assert await asyncio.gather(*waiting) == [0, 2, 4, 6, 8]
    with pytest.raises(Overloaded):
        await batcher.submit(1)


async def test_a_thousand_callers_in_any_order_all_get_their_own() -> None:
    async def work(items: Sequence[int]) -> Sequence[int]:
        await asyncio.sleep(0)
        return [item + 1 for item in items]

    batcher = Batcher(work, size=7, groups=3, queue_limit=2000)
    for _ in range(5):
        assert await outcomes(batcher, *range(200)) == list(range(1, 201))


async def test_who_comes_alone_waits_for_nobody_and_who_comes_among_others_for_more_of_them() -> None:
    work = Work()
    batcher = Batcher(work, size=8, groups=2, queue_limit=100, wait=60.0)
    async with asyncio.timeout(30):
        assert [await batcher.submit(number) for number in range(3)] == [0, 2, 4]
    batcher = Batcher(work, size=8, groups=1, queue_limit=100, wait=0.2)
    first = [asyncio.create_task(batcher.submit(number)) for number in range(2)]
    await asyncio.sleep(0.05)
    assert await batcher.submit(2) == 4
    assert await asyncio.gather(*first) == [0, 2]
    assert work.groups == [[0], [1], [2], [0, 1, 2]]
