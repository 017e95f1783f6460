"""What the tests' people find in their mail: links, as they stand in letters that wait to be sent."""

from urllib.parse import parse_qs, urlsplit

from sqlalchemy import text

from service.platform.database import Database


async def tokens_mailed(database: Database, account_id: str, kind: str) -> list[str]:
    """The tokens of an account's letters of one kind, oldest first."""
    query = text("SELECT facts ->> 'url' FROM letter WHERE account_id = :id AND kind = :kind ORDER BY id")
    async with database.reading() as connection:
        links = await connection.execute(query, {"id": account_id, "kind": kind})
        return [parse_qs(urlsplit(link).query)["token"][0] for link in links.scalars()]


async def resets_waiting(database: Database) -> list[str]:
    """The accounts whose forgotten password waits to be worked on; the jobs are taken off."""
    query = text(
        "DELETE FROM procrastinate_jobs WHERE task_name = 'send_password_reset'"
        " RETURNING args ->> 'account_id'"
    )
    async with database.transaction() as session:
        return list((await session.execute(query)).scalars())
