"""The demo's own story, told against a served instance, and found again the second time."""

import io

from rich.console import Console

from service.demo.story import tell
from tests.journeys.serving import Served
from tests.own_time import own_time


async def test_every_step_of_the_story_holds_and_a_second_start_finds_it_again(service: Served) -> None:
    first = io.StringIO()
    told = Console(file=first, width=100)
    assert await tell(service.url, library=None, data_dir=service.data_dir, console=told), first.getvalue()
    for number in range(1, 7):
        assert f"{number}/6" in first.getvalue()

    second = io.StringIO()
    told = Console(file=second, width=100)
    started = own_time()
    assert await tell(service.url, library=None, data_dir=service.data_dir, console=told), second.getvalue()
    assert own_time() - started < 5
    assert "1/6" not in second.getvalue()
    assert "creator@zhihao.example" in second.getvalue()
