"""Identifiers: UUIDv7, made at the door, so that a row's id sorts by the time it was asked for."""

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """A fresh UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then randomness."""
    return uuid_utils.compat.uuid7()
