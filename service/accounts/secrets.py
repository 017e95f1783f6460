"""API key secrets: how they are made, recognized without a query, and stored.

``zh_live_`` or ``zh_test_``, then 256 random bits in 43 base62 digits, then the CRC32 of all before it in 6.
The check tells a mistyped or invented key from a real one before anyone is asked; it protects nothing else.
"""

import hashlib
import secrets
import zlib
from typing import Literal

Mode = Literal["live", "test"]

PREFIXES: dict[str, Mode] = {"zh_live_": "live", "zh_test_": "test"}
PREFIX_LENGTH = 8
RANDOM_BYTES = 32
RANDOM_DIGITS = 43  # ceil(256 * log(2) / log(62))
CHECK_DIGITS = 6  # ceil(32 * log(2) / log(62))
SECRET_LENGTH = PREFIX_LENGTH + RANDOM_DIGITS + CHECK_DIGITS
SHOWN_LENGTH = PREFIX_LENGTH + 4

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class MalformedSecret(Exception):
    """Not a secret that this service ever made."""


def new_secret(mode: Mode) -> str:
    """A fresh secret, to be shown once."""
    number = int.from_bytes(secrets.token_bytes(RANDOM_BYTES), "big")
    body = f"zh_{mode}_{_base62(number, RANDOM_DIGITS)}"
    return body + _check(body)


def mode_of(secret: str) -> Mode:
    """Which mode the secret is of. Raises ``MalformedSecret``; asks nobody."""
    mode = PREFIXES.get(secret[:PREFIX_LENGTH])
    if mode is None or len(secret) != SECRET_LENGTH or not secret.isascii():
        raise MalformedSecret("not an API key of this service")
    body, check = secret[:-CHECK_DIGITS], secret[-CHECK_DIGITS:]
    if _check(body) != check:
        raise MalformedSecret("the key's check does not fit: it was mistyped or cut")
    return mode


def secret_hash(secret: str) -> bytes:
    """What is stored: SHA-256, which needs no salt on 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def shown(secret: str) -> str:
    """The beginning that lists show, by which people tell their keys apart."""
    return secret[:SHOWN_LENGTH]


def _check(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECK_DIGITS)


def _base62(number: int, digits: int) -> str:
    out = []
    for _ in range(digits):
        number, digit = divmod(number, 62)
        out.append(ALPHABET[digit])
    return "".join(reversed(out))
