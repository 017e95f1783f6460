"""The whole story, told against a served instance: who makes, who reads, who pays, who earns."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
from rich.console import Console

from service.demo.cast import LIBRARY_TITLE, PASSWORD, TITLE, Cast, Shelf
from service.demo.closing import ask_the_laws, show_earnings
from service.demo.creating import publish_course
from service.demo.metering import use_by_contract
from service.demo.reading import find_and_try, subscribe_and_ask, tip
from service.demo.telling import StoryBroken, Teller

STEP_SECONDS = 300
LIBRARY_SECONDS = 600


async def tell(
    base_url: str, *, library: Path | None, data_dir: Path, console: Console, again: bool = False
) -> bool:
    """Tells the story once on a data folder and says whether every step held.

    A second time it finds everything where it was and only says so, unless ``again``: then the story is
    told anew, with new people. ``library`` is an archive for a second knowledge base; it is added when the
    earlier telling had none. ``base_url`` is a ready service on ``data_dir``.
    """
    teller = Teller(base_url, console)
    started = time.monotonic()
    try:
        cast, course, shelf = await _find_last(teller)
        if course is None or again:
            cast = Cast(cast.number + 1) if cast.creator.token else cast
            course, shelf = await _tell_all(teller, cast, data_dir), None
        else:
            teller.step("知號", "The story was told here before; everything is where it was")
            teller.check(f"{TITLE} is published at /k/{course.slug}", True)
        if library is not None and shelf is None:
            shelf = await _tell_library(teller, cast, library)
        _close(teller, cast, course, shelf, time.monotonic() - started)
    except (StoryBroken, httpx.HTTPError, KeyError, LookupError) as error:
        console.print(f"\n  [bold red]✗[/] The story broke: {type(error).__name__}: {error}", markup=True)
        return False
    else:
        return True
    finally:
        await teller.close()


async def _tell_all(teller: Teller, cast: Cast, data_dir: Path) -> Shelf:
    teller.step("1/6", "A creator makes 《Python 實戰課》 and publishes it")
    async with teller.within(STEP_SECONDS, "Step 1"):
        course = await publish_course(teller, cast)
    steps: list[tuple[str, Callable[[], Awaitable[None]]]] = [
        ("A reader finds it, reads, and asks two free questions", lambda: find_and_try(teller, cast, course)),
        ("The reader subscribes, and asks", lambda: subscribe_and_ask(teller, cast, course)),
        ("The reader tips the creator", lambda: tip(teller, cast, course)),
        ("An enterprise meters its calls up to a cap", lambda: use_by_contract(teller, cast, course)),
        ("What the creator earned", lambda: show_earnings(teller, cast, data_dir)),
    ]
    for number, (title, act) in enumerate(steps, 2):
        teller.step(f"{number}/6", title)
        async with teller.within(STEP_SECONDS, f"Step {number}"):
            await act()
    return course


async def _tell_library(teller: Teller, cast: Cast, library: Path) -> Shelf:
    teller.step("＋", f"A lawyer's library: {library.name}")
    async with teller.within(LIBRARY_SECONDS, "The library"):
        return await ask_the_laws(teller, cast, library)


async def _find_last(teller: Teller) -> tuple[Cast, Shelf | None, Shelf | None]:
    """The people of the last telling, and the knowledge bases it left; ``None`` for what it did not come to.

    The reader's tip and the enterprise's usage are not looked for one by one: the enterprise signs up after
    everything but its own step, so a telling counts as whole when its organization has used something.
    """
    cast = Cast(1)
    if not await cast.creator.log_in(teller):
        return cast, None, None
    while await (later := Cast(cast.number + 1)).creator.log_in(teller):
        cast = later
    course = await _published(teller, cast.creator.token, TITLE)
    if course is None or not await _has_used(teller, cast):
        return cast, None, None
    await cast.reader.log_in(teller)
    lawyers = await cast.lawyer.log_in(teller)
    library = await _published(teller, cast.lawyer.token, LIBRARY_TITLE) if lawyers else None
    return cast, course, library


async def _published(teller: Teller, token: str, title: str) -> Shelf | None:
    listed = await teller.call("GET", "/creator/v1/knowledge-bases", token=token, quiet=True)
    return next(
        (
            Shelf(one["id"], one["slug"], one["title"])
            for one in listed["data"]
            if one["title"] == title and one["status"] == "published"
        ),
        None,
    )


async def _has_used(teller: Teller, cast: Cast) -> bool:
    if not await cast.enterprise.log_in(teller):
        return False
    path, token = "/enterprise/v1/organizations", cast.enterprise.token
    listed = await teller.call("GET", path, token=token, quiet=True)
    for one in listed["data"]:
        usage = await teller.call("GET", f"{path}/{one['id']}/usage", token=token, quiet=True)
        if usage["total"]["units"] > 0:
            return True
    return False


def _close(teller: Teller, cast: Cast, course: Shelf, library: Shelf | None, seconds: float) -> None:
    url = teller.base_url
    teller.step("知號", f"Told in {seconds:.0f} s. Every step held")
    teller.show("square", f"{url}/")
    teller.show("course", f"{url}/k/{course.slug}")
    if library is not None:
        teller.show("library", f"{url}/k/{library.slug}")
    else:
        teller.say("Chinese answers are shown with a library: zhihao demo --library ARCHIVE")
    teller.show("API", f"{url}/schema")
    for role in (cast.creator, cast.reader, cast.enterprise, *([cast.lawyer] if library else [])):
        teller.show("login", f"{role.email}   password {PASSWORD}   ({role.name})")
