"""One effect and one answer for one key, on a real database."""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import func, text, update

from service.platform.database import Database
from service.platform.idempotency import (
    IdempotencyConflict,
    IdempotencyInProgress,
    Once,
    claim,
    keep,
    purge,
)
from service.platform.tables import IDEMPOTENCY_KEY

ONCE = Once("account:1", "POST /things", "key", b"what was asked", sealing_key=b"k" * 32)


@dataclass(frozen=True)
class Thing:
    name: str


async def make(database: Database, once: Once | None, name: str = "first") -> Thing:
    async with database.transaction() as session:
        if (kept := await claim(session, once, Thing)) is not None:
            return kept
        await keep(session, once, Thing(name))
        return Thing(name)


async def turn_clock(database: Database, ahead: timedelta) -> None:
    async with database.transaction() as session:
        await session.execute(text("UPDATE clock_offset SET ahead = :ahead"), {"ahead": ahead})


async def test_the_first_answer_comes_again(database: Database) -> None:
    assert await make(database, ONCE) == Thing("first")
    assert await make(database, ONCE, "second") == Thing("first")


async def test_without_a_key_every_request_is_new(database: Database) -> None:
    assert await make(database, None, "one") == Thing("one")
    assert await make(database, None, "two") == Thing("two")


async def test_another_request_under_the_same_key_is_a_conflict(database: Database) -> None:
    await make(database, ONCE)
    with pytest.raises(IdempotencyConflict):
        await make(database, replace(ONCE, fingerprint=b"something else"))


@pytest.mark.parametrize("change", [{"principal": "account:2"}, {"route": "POST /others"}, {"key": "other"}])
async def test_a_key_is_its_callers_own_and_of_one_route(database: Database, change: dict[str, str]) -> None:
    await make(database, ONCE)
    assert await make(database, replace(ONCE, **change), "second") == Thing("second")  # type: ignore[arg-type]  # fields by name


async def test_a_failed_request_leaves_nothing_behind(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as session:
            assert await claim(session, ONCE, Thing) is None
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await make(database, ONCE, "second") == Thing("second")


async def test_of_many_at_once_one_works_and_the_others_are_told(database: Database) -> None:
    worked: list[str] = []

    async def attempt(name: str) -> str:
        async with database.transaction() as session:
            if await claim(session, ONCE, Thing) is not None:
                return "replayed"
            await asyncio.sleep(0.1)
            worked.append(name)
            await keep(session, ONCE, Thing(name))
            return "worked"

    results = await asyncio.gather(*(attempt(str(n)) for n in range(8)), return_exceptions=True)
    assert len(worked) == 1
    assert all(
        isinstance(result, IdempotencyInProgress) or result in {"worked", "replayed"} for result in results
    )


async def test_a_claim_between_two_transactions_is_running_until_its_lease_ends(database: Database) -> None:
    async with database.transaction() as session:
        assert await claim(session, ONCE, Thing) is None
    with pytest.raises(IdempotencyInProgress):
        await make(database, ONCE)
    await turn_clock(database, timedelta(seconds=61))
    assert await make(database, ONCE, "resumed") == Thing("resumed")


async def test_a_key_is_free_again_after_a_day(database: Database) -> None:
    await make(database, ONCE)
    await turn_clock(database, timedelta(hours=23))
    assert await make(database, ONCE, "second") == Thing("first")
    await turn_clock(database, timedelta(hours=25))
    assert await make(database, replace(ONCE, fingerprint=b"else"), "second") == Thing("second")
    await turn_clock(database, timedelta(hours=50))
    async with database.transaction() as session:
        assert await purge(session, kept_hours=24) == 1


async def test_what_is_kept_opens_with_the_callers_key_alone(database: Database) -> None:
    await make(database, ONCE, "the secret")
    async with database.reading() as connection:
        rows = await connection.execute(text("SELECT encode(result, 'escape') FROM idempotency_key"))
        assert "the secret" not in "".join(rows.scalars())
    with pytest.raises(IdempotencyConflict):
        await make(database, replace(ONCE, sealing_key=b"x" * 32))
    async with database.transaction() as session:
        await session.execute(update(IDEMPOTENCY_KEY).values(result=func.decode("00", "hex")))
    with pytest.raises(IdempotencyConflict):
        await make(database, ONCE)
