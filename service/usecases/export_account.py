"""Gives a person everything that is held about them."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from service.accounts import exports, people
from service.accounts.exports import Export, ExportNotFound
from service.accounts.people import Account
from service.platform.jobs import defer
from service.usecases.context import Context

FRESH = timedelta(minutes=5)
"""Asked again within this time, the same export is answered."""

HELD: dict[str, str] = {
    "account": """
        SELECT id, email, email_verified_at, display_name, created_at, suspended_at
        FROM account WHERE id = :account_id""",
    "login_sessions": """
        SELECT id, user_agent, created_at, last_used_at, ended_at
        FROM login_session WHERE account_id = :account_id""",
    "identities": """
        SELECT provider, issuer, subject, email, created_at, last_used_at
        FROM linked_identity WHERE account_id = :account_id""",
    "organizations": """
        SELECT o.id, o.name, m.role, m.created_at FROM membership m
        JOIN organization o ON o.id = m.organization_id WHERE m.account_id = :account_id""",
    "acts": "SELECT at, action, subject, detail FROM audit_log WHERE actor_id = :account_id",
    "reports": """
        SELECT id, knowledge_base_id, reason, detail, status, answer, created_at
        FROM report WHERE reporter_id = :account_id""",
    "profile": "SELECT handle, name, bio, created_at, updated_at FROM profile WHERE account_id = :account_id",
    "knowledge_bases": "SELECT * FROM knowledge_base WHERE owner_id = :account_id",
    "documents": """
        SELECT d.id, d.knowledge_base_id, d.title, d.file_name, d.tier, d.status, d.created_at, r.text
        FROM document d JOIN knowledge_base k ON k.id = d.knowledge_base_id
        LEFT JOIN revision r ON r.id = d.current_revision_id
        WHERE k.owner_id = :account_id AND d.deleted_at IS NULL""",
    "visits": "SELECT knowledge_base_id, ref, at FROM visit WHERE account_id = :account_id",
    "conversations": """
        SELECT id, title, created_at, updated_at FROM conversation WHERE account_id = :account_id""",
    "answers": """
        SELECT id, conversation_id, question, text, status, citations, created_at
        FROM answer WHERE account_id = :account_id""",
    "subscriptions": """
        SELECT id, knowledge_base_id, plan_id, status, started_at, current_period_end, canceled_at, ended_at
        FROM subscription WHERE account_id = :account_id""",
    "payments": """
        SELECT id, kind, knowledge_base_id, amount, currency, refunded, paid_at
        FROM sale WHERE account_id = :account_id""",
    "refunds": """
        SELECT refund.id, sale_id, refund.amount, refund.currency, refund.status, refund.created_at
        FROM refund JOIN sale ON sale.id = sale_id WHERE sale.account_id = :account_id""",
    "refund_requests": """
        SELECT id, sale_id, reason, status, answer, created_at, answered_at
        FROM refund_request WHERE account_id = :account_id""",
    "tips": """
        SELECT id, creator_id, amount, currency, message, anonymous, status, created_at
        FROM tip WHERE account_id = :account_id""",
    "webhook_endpoints": """
        SELECT id, url, types, enabled, disabled_reason, created_at
        FROM webhook_endpoint WHERE account_id = :account_id AND deleted_at IS NULL""",
    "letters": """
        SELECT kind, state, at, finished_at FROM letter WHERE account_id = :account_id""",
    "grants": """
        SELECT knowledge_base_id, source, starts_at, ends_at, revoked_at
        FROM access_grant WHERE account_id = :account_id""",
}
"""What is held about an account, a query a kind. Hashes of credentials are left out: they say nothing."""


async def read_account(context: Context, *, account_id: UUID) -> Account:
    """Raises ``AccountNotFound``."""
    async with context.database.reading() as connection:
        return await people.read(connection, account_id)


async def request_export(context: Context, *, export_id: UUID, account_id: UUID) -> Export:
    """The newest export of the last minutes, or a new one that a job will fill."""
    async with context.database.transaction() as session:
        await people.read(session, account_id)
        if (recent := await exports.newest(session, account_id=account_id, within=FRESH)) is not None:
            return recent
        begun = await exports.begin(session, export_id=export_id, account_id=account_id)
        await defer(session, "export_account", export_id=str(export_id))
        return begun


async def read_export(context: Context, *, export_id: UUID, account_id: UUID) -> Export:
    """Raises ``ExportNotFound``."""
    async with context.database.reading() as connection:
        return (await exports.read(connection, export_id=export_id, account_id=account_id))[0]


async def export_account(context: Context, *, export_id: str) -> None:
    """The job: collects everything. An export thrown away since is no error."""
    async with context.database.transaction() as session:
        try:
            _, account_id = await exports.read(session, export_id=UUID(export_id))
        except ExportNotFound:
            return
        found = {}
        for kind, query in HELD.items():
            rows = text("SELECT coalesce(jsonb_agg(held), '[]') FROM (" + query + ") AS held")  # noqa: S608 -- HELD
            found[kind] = (await session.execute(rows, {"account_id": account_id})).scalar_one()
        await exports.finish(session, export_id=UUID(export_id), result=found)
