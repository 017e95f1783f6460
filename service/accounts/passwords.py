"""Passwords: argon2id, a few at a time and off the event loop.

Hashing costs 19 MiB and some 20 ms on purpose. Two threads do it for the whole process, and no more callers
wait for them than can be served soon.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import argon2

T = TypeVar("T")

THREADS = 2
MOST_WAITING = 200
MEMORY_KIB = 19 * 1024
PASSES = 2

_hasher = argon2.PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=1)
_threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="password")
_waiting = {"now": 0}


class PasswordsBusy(Exception):
    """More sign-ins wait than can be served soon."""

    headers = {"Retry-After": "5"}  # noqa: RUF012 -- read-only, as Exception's own attributes are


class InvalidPassword(Exception):
    """The password is too short or too long."""

    pointer = "/password"


def check_password(password: str, *, shortest: int, longest: int) -> None:
    """Length is all that is asked. Raises ``InvalidPassword``."""
    if not shortest <= len(password) <= longest:
        raise InvalidPassword(f"A password has {shortest} to {longest} characters.")


async def hash_password(password: str) -> str:
    """The hash with its salt and parameters. Raises ``PasswordsBusy``."""
    return await _run(_hasher.hash, password)


async def matches(password_hash: str | None, password: str) -> bool:
    """Whether this is the password. With no hash (an unknown email) it takes the same time to say no.

    Raises ``PasswordsBusy``.
    """
    decoy: str = await _run(_decoy)
    found = await _run(_verified, password_hash or decoy, password)
    return found and password_hash is not None


async def _run(work: Callable[..., T], *args: str) -> T:
    if _waiting["now"] >= MOST_WAITING:
        raise PasswordsBusy("Too many people are signing in at this moment.")
    _waiting["now"] += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work, *args)
    finally:
        _waiting["now"] -= 1


def _verified(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


@cache
def _decoy() -> str:
    return _hasher.hash("nobody's password")
