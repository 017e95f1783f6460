import asyncio
from collections.abc import AsyncIterator

from service.http.asking import kept_alive
from service.usecases.running_answer import Delta, Event


async def test_a_silent_stream_is_kept_alive_and_loses_nothing() -> None:
    async def slow() -> AsyncIterator[Event]:
        yield Delta("one")
        await asyncio.sleep(0.08)
        yield Delta("two")

    came = [event async for event in kept_alive(slow(), 0.03)]
    assert [event.text for event in came if isinstance(event, Delta)] == ["one", "two"]
    assert came.count(None) >= 1
    assert came[0] == Delta("one")
