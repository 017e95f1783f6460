"""Receipts: signed records of what was asked, seen, cited and charged, that show none of it.

A receipt is a compact JWS (RFC 7515; Ed25519 as RFC 9864 names it). Its payload holds the time, the units
billed and salted hashes. Each hash has a salt of its own, derived from the receipt's, so that an owner can
prove one part without giving away the others: ``SHA-256(HMAC-SHA-256(salt, label) ‖ content)``. Contents are
the UTF-8 of the question, of the answer, and of ``revision_id:start:end:sha256`` for a span.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from service.answering.records import SignedReceipt
from service.answering.tables import receipt, signing_key
from service.platform.sealing import derive_key

ALGORITHM = "Ed25519"
SALT_BYTES = 32


class ReceiptNotFound(Exception):
    """There is no receipt of this id."""


class ReceiptForged(Exception):
    """The signature does not fit the receipt or the key."""


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a revision, ``[start, end)`` in code points; ``sha256`` is hex, of its UTF-8."""

    revision_id: UUID
    start: int
    end: int
    sha256: str

    @property
    def content(self) -> str:
        return f"{self.revision_id}:{self.start}:{self.end}:{self.sha256}"


@dataclass(frozen=True, slots=True)
class Signer:
    """The private key of this service's secret, and its public half as it is published."""

    kid: str
    key: OKPKey
    public: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ReceiptFact:
    """A stored receipt. ``payload`` is what is signed; the salts are for its owner."""

    id: UUID
    answer_id: UUID
    account_id: UUID | None
    organization_id: UUID | None
    kid: str
    signed: str
    salt: bytes
    payload: dict[str, Any]


@lru_cache(maxsize=8)
def signer_of(secret: str) -> Signer:
    """The signing key of a service with this secret: the same at every start, and stored nowhere."""
    private = Ed25519PrivateKey.from_private_bytes(derive_key(secret, "receipt-signing"))
    key = OKPKey.import_key(private)
    kid = key.thumbprint()
    public = key.as_dict(private=False) | {"kid": kid, "use": "sig", "alg": ALGORITHM}
    return Signer(kid=kid, key=key, public=public)


def item_salt(salt: bytes, label: str) -> bytes:
    """The salt of one hash. Labels: ``question``, ``answer``, ``seen.0`` …, ``cited.0`` …"""
    return hmac.digest(salt, label.encode(), "sha256")


def hashed(salt: bytes, label: str, content: str) -> str:
    """The hash of one part of a receipt, in hex."""
    return hashlib.sha256(item_salt(salt, label) + content.encode()).hexdigest()


def issue(
    signer: Signer,
    *,
    id: UUID,
    at: datetime,
    meter: str,
    units: int,
    refused: bool,
    question: str,
    answer: str,
    seen: Sequence[Span],
    cited: Sequence[Span],
) -> SignedReceipt:
    """Signs the record of one answer, with a fresh salt."""
    salt = os.urandom(SALT_BYTES)
    payload = {
        "id": str(id),
        "time": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "meter": meter,
        "units": units,
        "refused": refused,
        "question": hashed(salt, "question", question),
        "answer": hashed(salt, "answer", answer),
        "seen": [hashed(salt, f"seen.{n}", span.content) for n, span in enumerate(seen)],
        "cited": [hashed(salt, f"cited.{n}", span.content) for n, span in enumerate(cited)],
    }
    header = {"alg": ALGORITHM, "kid": signer.kid, "typ": "zhihao-receipt+jws"}
    body = json.dumps(payload, separators=(",", ":")).encode()
    signed = jws.serialize_compact(header, body, signer.key, algorithms=[ALGORITHM])
    return SignedReceipt(id=id, kid=signer.kid, signed=signed, salt=salt)


def verify(signed: str, public: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a receipt whose signature fits the published key. Raises ``ReceiptForged``."""
    try:
        key = OKPKey.import_key({name: public[name] for name in ("kty", "crv", "x")})
        checked = jws.deserialize_compact(signed.encode(), key, algorithms=[ALGORITHM])
        payload: dict[str, Any] = json.loads(checked.payload)
    except (JoseError, ValueError, KeyError) as error:
        raise ReceiptForged("The signature does not fit.") from error
    return payload


async def publish_key(session: AsyncSession, signer: Signer) -> None:
    """Publishes the public half, for good: old receipts are checked with it after a rotation."""
    statement = insert(signing_key).values(kid=signer.kid, public=signer.public)
    await session.execute(statement.on_conflict_do_nothing())


async def public_keys(session: AsyncSession | AsyncConnection) -> list[dict[str, Any]]:
    """Every key that ever signed a receipt, newest first."""
    query = select(signing_key.c.public).order_by(signing_key.c.created_at.desc(), signing_key.c.kid)
    return list((await session.execute(query)).scalars())


async def get_receipt(session: AsyncSession | AsyncConnection, receipt_id: UUID) -> ReceiptFact:
    """One receipt, whoever asks. Raises ``ReceiptNotFound``."""
    names = ("id", "answer_id", "account_id", "organization_id", "kid", "signed", "salt")
    query = select(*(receipt.c[name] for name in names)).where(receipt.c.id == receipt_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise ReceiptNotFound("There is no such receipt.")
    payload = json.loads(jws.extract_compact(row.signed.encode()).payload)
    return ReceiptFact(**row._mapping, payload=payload)
