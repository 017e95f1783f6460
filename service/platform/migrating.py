"""Bringing a database to the newest schema, by one process at a time."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text

import migrations
from service.platform.database import driver_url

ADVISORY_LOCK = 7_446_812_019
"""Any constant of our own: whoever holds it migrates, the others wait and find nothing to do."""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config


def migrate(url: str) -> str:
    """Migrates the database at ``url`` and returns the revision it is at then.

    Waits for whoever else is migrating. A table lock that cannot be had within 2 s fails the migration
    rather than queue every reader behind it.
    """
    engine = create_engine(driver_url(url))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
            connection.execute(text("SET lock_timeout = '2s'"))
            connection.commit()
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            return current_revision(connection) or ""
    finally:
        engine.dispose()


def current_revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    """The revision this code needs."""
    return ScriptDirectory.from_config(_config()).get_current_head()
