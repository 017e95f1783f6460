"""Anybody reads a receipt; its owner also what the hashes in it are of."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy.ext.asyncio import AsyncConnection

from service.accounts.organizations import is_member
from service.answering import receipts
from service.answering.answers import get_citations
from service.answering.receipts import ALGORITHM, ReceiptFact, item_salt
from service.usecases.context import Context


@dataclass(frozen=True, slots=True)
class ReceiptSpan:
    """One cited span; ``salt`` (hex) is that of the hash at the same place of ``cited_hashes``."""

    knowledge_base_id: UUID
    document_id: UUID
    revision_id: UUID
    title: str
    locator: dict[str, Any]
    start: int
    end: int
    sha256: str
    salt: str


@dataclass(frozen=True, slots=True)
class ReceiptDisclosure:
    """What only the owner sees. ``spans`` are empty when the answer was deleted since. Salts are hex."""

    answer_id: UUID
    question_salt: str
    answer_salt: str
    spans: list[ReceiptSpan]


class ReceiptPage(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt. ``jws`` is all of it, signed; ``signature`` its last part, and the rest what it says."""

    id: UUID
    time: str
    meter: str
    units: int
    refused: bool
    question_hash: str
    answer_hash: str
    seen_hashes: list[str]
    cited_hashes: list[str]
    kid: str
    algorithm: str
    jws: str
    signature: str
    owner: ReceiptDisclosure | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class ReceiptKeys:
    """A JWK set (RFC 7517): every key that ever signed a receipt, newest first."""

    keys: list[dict[str, Any]]


async def read_receipt(context: Context, *, receipt_id: UUID, account_id: UUID | None) -> ReceiptPage:
    """Raises ``ReceiptNotFound``. The owner is whoever asked, or the members of whose key asked."""
    async with context.database.reading() as connection:
        found = await receipts.get_receipt(connection, receipt_id)
        owned = account_id is not None and await _owns(connection, found, account_id)
        owner = await _disclosed(connection, found) if owned else UNSET
    said = found.payload
    return ReceiptPage(
        id=found.id,
        time=said["time"],
        meter=said["meter"],
        units=said["units"],
        refused=said["refused"],
        question_hash=said["question"],
        answer_hash=said["answer"],
        seen_hashes=said["seen"],
        cited_hashes=said["cited"],
        kid=found.kid,
        algorithm=ALGORITHM,
        jws=found.signed,
        signature=found.signed.rpartition(".")[2],
        owner=owner,
    )


async def read_receipt_keys(context: Context) -> ReceiptKeys:
    """The public halves of the signing keys."""
    async with context.database.reading() as connection:
        return ReceiptKeys(await receipts.public_keys(connection))


async def _owns(connection: AsyncConnection, found: ReceiptFact, account_id: UUID) -> bool:
    if found.organization_id is not None:
        return await is_member(connection, organization_id=found.organization_id, account_id=account_id)
    return found.account_id == account_id


async def _disclosed(connection: AsyncConnection, found: ReceiptFact) -> ReceiptDisclosure:
    citations = await get_citations(connection, found.answer_id)
    spans = [
        ReceiptSpan(
            knowledge_base_id=citation.knowledge_base_id,
            document_id=citation.document_id,
            revision_id=citation.revision_id,
            title=citation.title,
            locator=citation.locator,
            start=citation.start,
            end=citation.end,
            sha256=citation.sha256,
            salt=item_salt(found.salt, f"cited.{n}").hex(),
        )
        for n, citation in enumerate(citations)
    ]
    return ReceiptDisclosure(
        answer_id=found.answer_id,
        question_salt=item_salt(found.salt, "question").hex(),
        answer_salt=item_salt(found.salt, "answer").hex(),
        spans=spans,
    )
