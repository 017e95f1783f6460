"""What AI clients call a model: a knowledge base, by its slug or id."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from service.access.admission import KeyRejected
from service.knowledge.knowledge_bases import KnowledgeBaseNotFound, find
from service.platform.ids import new_id
from service.usecases.context import Context


@dataclass(frozen=True, slots=True)
class ModelFact:
    """A knowledge base that a key may ask. ``creator`` is a handle."""

    slug: str
    creator: str
    published_at: datetime


# As ``decide_for_contract`` decides; what is unlisted is shown only to keys that name it themselves.
_MODELS = sa.text(
    """
    SELECT k.slug, coalesce(p.handle, '') AS creator, k.published_at
    FROM knowledge_base k JOIN account a ON a.id = k.owner_id LEFT JOIN profile p ON p.account_id = k.owner_id
    WHERE k.status = 'published' AND k.deleted_at IS NULL AND k.api_access AND a.suspended_at IS NULL
      AND (k.visibility = 'public' OR (k.visibility = 'unlisted' AND k.id = ANY (CAST(:allowed AS uuid[]))))
      AND (CAST(:allowed AS uuid[]) IS NULL OR k.id = ANY (CAST(:allowed AS uuid[])))
      AND (coalesce(k.api_price_amount, 0) = 0 OR k.api_price_currency = :currency)
      AND (CAST(:slug AS text) IS NULL OR k.slug = :slug)
    ORDER BY k.published_at DESC, k.id LIMIT :most
    """
)

_ALLOWED = sa.text(
    """
    SELECT k.knowledge_base_ids FROM api_key_secret s JOIN api_key k ON k.id = s.key_id
    WHERE s.secret_hash = :secret_hash AND k.revoked_at IS NULL
      AND (s.expires_at IS NULL OR s.expires_at > zhihao_now())
      AND (k.expires_at IS NULL OR k.expires_at > zhihao_now())
    """
)


async def list_models(context: Context, *, secret_hash: bytes, slug: str | None = None) -> list[ModelFact]:
    """What a live key may ask under a contract, the newest first, as many as the settings list; or the one
    with this slug, if it is among them. Raises ``KeyRejected``."""
    settings = context.settings
    async with context.database.reading() as connection:
        key = (await connection.execute(_ALLOWED, {"secret_hash": secret_hash})).one_or_none()
        if key is None:
            raise KeyRejected
        values = {
            "allowed": key.knowledge_base_ids,
            "currency": settings.currency,
            "slug": slug,
            "most": settings.models_listed_max,
        }
        rows = await connection.execute(_MODELS, values)
        return [ModelFact(row.slug, row.creator, row.published_at) for row in rows]


async def find_models(context: Context, names: Sequence[str]) -> dict[UUID, str]:
    """The slugs by id of the knowledge bases named by slug or id, in order.

    A name of nothing becomes an id of nothing: the gate refuses it in its own order, so that nobody learns
    from a refusal what exists.
    """
    found: dict[UUID, str] = {}
    async with context.database.reading() as connection:
        for name in names:
            try:
                base = await find(connection, name)
            except KnowledgeBaseNotFound:
                found[new_id()] = name
            else:
                found[base.id] = base.slug
    return found
