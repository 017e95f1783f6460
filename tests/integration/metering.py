"""Rows that the gate's tests start from: bases, grants, organizations, keys, contracts."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from sqlalchemy import CursorResult, text

from service.platform.database import Database
from service.platform.settings import Settings
from service.usecases.context import Context
from service.usecases.open_gate import open_gate


def context_of(database: Database, *, gate: bool = True, **settings: Any) -> Context:
    """A context with the parts that metering touches; the others are absent."""
    made = Settings(_env_file=None, **settings)
    nothing = cast(Any, None)
    return Context(
        settings=made,
        database=database,
        payments=nothing,
        passages=nothing,
        cards=nothing,
        blobs=nothing,
        model=None,
        gate=open_gate(database, made) if gate else None,
    )


async def run(database: Database, statement: str, **values: object) -> Any:
    """The rows of one committed statement, ``None`` when it gives none."""
    async with database.transaction() as session:
        result = cast(CursorResult[Any], await session.execute(text(statement), values))
        return result.all() if result.returns_rows else None


async def make_knowledge_base(database: Database, **given: object) -> UUID:
    """A published public base with paid text, unless told otherwise."""
    row: dict[str, object] = {
        "id": uuid4(),
        "owner_id": uuid4(),
        "slug": uuid4().hex,
        "title": "t",
        "summary": "",
        "category": "law",
        "tags": [],
        "language": "en",
        "visibility": "public",
        "status": "published",
        "free_questions": 0,
        "api_access": True,
        "paid_documents": 1,
    } | given
    columns = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    await run(database, f"INSERT INTO knowledge_base ({columns}) VALUES ({values})", **row)
    return cast(UUID, row["id"])


async def make_grant(
    database: Database, account_id: UUID, base: UUID, ends_at: datetime | None = None
) -> UUID:
    grant = uuid4()
    await run(
        database,
        """
        INSERT INTO access_grant (id, account_id, knowledge_base_id, source, source_id, reason, starts_at,
                                  ends_at)
        VALUES (:id, :account, :base, 'subscription', :id, '', zhihao_now() - interval '1 day', :ends)
        """,
        id=grant,
        account=account_id,
        base=base,
        ends=ends_at,
    )
    return grant


@dataclass
class Customer:
    """An organization under an active contract, and one key of its."""

    organization_id: UUID = field(default_factory=uuid4)
    key_id: UUID = field(default_factory=uuid4)
    secret_hash: bytes = field(default_factory=lambda: uuid4().bytes)


async def make_customer(
    database: Database,
    *,
    cap: int | None = None,
    key_cap: int | None = None,
    rate_limit: int | None = None,
    allowed: list[UUID] | None = None,
    scopes: tuple[str, ...] = ("passages:read", "answers:write"),
    status: str | None = "active",
    unpaid_for: timedelta | None = None,
) -> Customer:
    customer = Customer()
    await run(
        database,
        "INSERT INTO organization (id, name, created_at) VALUES (:id, 'o', zhihao_now())",
        id=customer.organization_id,
    )
    await run(
        database,
        """
        INSERT INTO api_key (id, organization_id, name, mode, shown, scopes, knowledge_base_ids,
                             monthly_cap_amount, monthly_cap_currency, rate_limit, created_by, created_at)
        VALUES (:id, :org, 'k', 'live', 'zh', :scopes, :allowed, CAST(:cap AS bigint),
                CASE WHEN CAST(:cap AS bigint) IS NOT NULL THEN 'cny' END, :rate, :org, zhihao_now())
        """,
        id=customer.key_id,
        org=customer.organization_id,
        scopes=list(scopes),
        allowed=allowed,
        cap=key_cap,
        rate=rate_limit,
    )
    await add_secret(database, customer, customer.secret_hash)
    if status is not None:
        await run(
            database,
            """
            INSERT INTO contract (organization_id, status, stripe_customer_id, unpaid_since, started_at,
                                  created_at, updated_at)
            SELECT :org, :status, 'cus_' || CAST(:org AS text), now - CAST(:unpaid AS interval),
                   now - interval '40 days', now, now
            FROM zhihao_now() AS now
            """,
            org=customer.organization_id,
            status=status,
            unpaid=unpaid_for,
        )
    if cap is not None:
        await run(
            database,
            "INSERT INTO spend_cap VALUES (:org, :cap, 'cny', zhihao_now())",
            org=customer.organization_id,
            cap=cap,
        )
    return customer


async def add_secret(
    database: Database, customer: Customer, secret_hash: bytes, expires_at: datetime | None = None
) -> None:
    await run(
        database,
        """
        INSERT INTO api_key_secret (secret_hash, key_id, created_at, expires_at)
        VALUES (:h, :k, zhihao_now(), :e)
        """,
        h=secret_hash,
        k=customer.key_id,
        e=expires_at,
    )
