"""Bringing a database to the newest schema, by one process at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

import migrations
from service.platform.database import DatabaseUnreachable, driver_url

SCRIPTS = Path(migrations.__file__).parent

ADVISORY_LOCK = 7_446_812_019
"""Any constant of our own: whoever holds it migrates, the others wait and find nothing to do."""


class SchemaOutdated(Exception):
    """The tables are not those this version works with; the message says what to do."""


def migrate(url: str) -> str:
    """Migrates the database at ``url`` and returns the revision it is at then.

    Waits for whoever else is migrating. A table lock that cannot be had within 2 s fails the migration
    rather than queue every reader behind it. Raises ``DatabaseUnreachable`` and ``SchemaOutdated``.
    """
    with _connected(url) as connection:
        found = current_revision(connection)
        if found == newest_revision():
            # Alembic loads for a third of a second, and every room's tables with it, to find nothing to do.
            return found
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        connection.rollback()
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
        connection.execute(text("SET lock_timeout = '2s'"))
        connection.commit()
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise SchemaOutdated(f"The database was migrated by another version: {error}") from None
        connection.commit()
        return current_revision(connection) or ""


def require_schema(url: str) -> None:
    """Raises ``SchemaOutdated`` unless the database is at the newest revision, or at one newer still, which
    it is while an upgrade is rolled out; ``DatabaseUnreachable`` if it does not answer."""
    with _connected(url) as connection:
        found = current_revision(connection)
    if found is None or found in _revisions()[:-1]:
        raise SchemaOutdated(
            f"The database is at revision {found or 'none'}, this version needs {newest_revision()}: "
            "run zhihao migrate first."
        )


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(driver_url(url))
    try:
        try:
            connection = engine.connect()
        except OperationalError as error:
            reason = " ".join(str(error.orig).split())
            raise DatabaseUnreachable(f"The database does not answer: {reason}") from None
        with connection:
            yield connection
    finally:
        engine.dispose()


def current_revision(connection: Connection) -> str | None:
    """Where the database is; None before its first migration."""
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def newest_revision() -> str:
    """The revision this code needs."""
    return _revisions()[-1]


def _revisions() -> list[str]:
    """Those this code knows, oldest first: each one's file begins with its number."""
    return sorted(script.name[:4] for script in (SCRIPTS / "versions").glob("[0-9]*.py"))
