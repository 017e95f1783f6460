"""The migrations make exactly what the tables say."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from service.platform.database import driver_url
from service.platform.migrating import SCRIPTS, migrate, newest_revision


def _ours(name: str | None, kind: str, _parent: object) -> bool:
    if kind == "table" and name is not None:
        return not name.startswith(("procrastinate_", "alembic_")) and not name.endswith("_partition")
    return True


def test_autogenerate_finds_nothing_to_do(database_url: str) -> None:
    engine = create_engine(driver_url(database_url))
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"include_name": _ours, "compare_type": True}
            )
            assert compare_metadata(context, SQLModel.metadata) == []
    finally:
        engine.dispose()


def test_files_are_named_by_their_revisions_and_follow_in_that_order() -> None:
    scripts = list(ScriptDirectory(str(SCRIPTS)).walk_revisions())
    names = [Path(script.path).name for script in reversed(scripts)]
    assert [name[:4] for name in names] == [script.revision for script in reversed(scripts)]
    assert names == sorted(names)
    assert newest_revision() == scripts[0].revision


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    assert migrate(database_url) == newest_revision()
