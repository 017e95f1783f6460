"""The command line: ``zhihao demo | serve | worker | migrate | import | reindex | doctor |
recompute-grants | letters``."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from pydantic import ValidationError
from rich.console import Console
from sqlalchemy.exc import OperationalError

from service.knowledge.knowledge_bases import KnowledgeBaseNotFound
from service.platform.blobs import BlobsUnavailable
from service.platform.database import DatabaseUnreachable
from service.platform.embedded import Completed, DataFolderUnusable, UnsafeSettings, complete, refuse_unsafe
from service.platform.logs import configure_logs
from service.platform.migrating import SchemaOutdated, require_schema
from service.platform.migrating import migrate as migrate_database
from service.platform.postgres_runner import EmbeddedPostgresError
from service.platform.processes import FolderInUse, PortInUse
from service.platform.settings import Settings
from service.supervisor import NotReady, Supervisor

MENDABLE = (
    UnsafeSettings,
    DataFolderUnusable,
    EmbeddedPostgresError,
    DatabaseUnreachable,
    SchemaOutdated,
    FolderInUse,
    PortInUse,
    NotReady,
    KnowledgeBaseNotFound,
    BlobsUnavailable,
)

console = Console(highlight=False)


class Refusal(click.ClickException):
    """What an operator can mend, in one line; 1 is kept for what a command found or could not finish."""

    exit_code = 2


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turns what an operator can mend into one line and exit code 2."""
    try:
        yield
    except ValidationError as error:
        # Names and reasons, never the values: one of them may be a secret.
        wrong = (f"ZHIHAO_{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors())
        raise Refusal("; ".join(wrong) + ".") from None
    except OperationalError as error:
        raise Refusal(f"The database does not answer: {' '.join(str(error.orig).split())}") from None
    except MENDABLE as error:
        raise Refusal(str(error)) from None


@contextmanager
def completed_settings(*, migrated: bool = True) -> Iterator[Completed]:
    """The settings with their embedded parts running, for as long as the block lasts.

    An embedded database is migrated; one of somebody's own must be already, if ``migrated``.
    """
    with clear_errors():
        completed = complete(Settings())
        try:
            if completed.postgres is not None:
                migrate_database(completed.settings.database_url)
            elif migrated:
                require_schema(completed.settings.database_url)
            yield completed
        finally:
            if completed.postgres is not None:
                completed.postgres.leave()


@click.group()
def main() -> None:
    """Zhihao (知號): a monetized knowledge marketplace backend."""
    with clear_errors():
        settings = Settings()
    configure_logs(level=settings.log_level, form=settings.log_format)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1))
def serve(host: str, port: int, workers: int) -> None:
    """Serve the API; on embedded parts also PostgreSQL, the worker and the payment sandbox."""
    with clear_errors():
        Supervisor(Settings(), host, port, workers).run(
            lambda url: console.print(
                f"Zhihao serves {url} (API: {url}/schema). Ctrl-C stops it.", soft_wrap=True
            )
        )


@main.command()
def worker() -> None:
    """Run background jobs."""
    from service.worker import serve_jobs  # the other commands need none of its imports

    with completed_settings() as completed:
        asyncio.run(serve_jobs(completed.settings))


@main.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    with completed_settings(migrated=False) as completed:
        console.print(f"The database is at revision {migrate_database(completed.settings.database_url)}.")


@main.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--knowledge-base", required=True, help="Its slug or id.")
def import_command(file: Path, knowledge_base: str) -> None:
    """Import an archive or a single document into a knowledge base."""
    from service.commands import import_into

    with completed_settings() as completed:
        if not asyncio.run(import_into(completed.settings, file, knowledge_base, console)):
            raise SystemExit(1)


@main.command()
@click.option(
    "--knowledge-base", default=None, help="Its slug or id; without it, all of them and the square."
)
def reindex(knowledge_base: str | None) -> None:
    """Rebuild search indexes from the stored texts."""
    from service.commands import rebuild

    with completed_settings() as completed:
        asyncio.run(rebuild(completed.settings, knowledge_base, console))


@main.command()
def doctor() -> None:
    """Check every invariant on live data; exits with 1 and what is wrong if one does not hold."""
    from service.commands import examine

    with completed_settings() as completed:
        if not asyncio.run(examine(completed.settings, console)):
            raise SystemExit(1)


@main.command("recompute-grants")
@click.option("--fix", is_flag=True, help="Make every grant what its source says.")
def recompute_grants(fix: bool) -> None:
    """Compute every grant again from what was sold and given; exits with 1 if one differs and stays so."""
    from service.commands import recompute

    with completed_settings() as completed:
        if not asyncio.run(recompute(completed.settings, console, fix=fix)):
            raise SystemExit(1)


@main.command()
@click.option("--to", default=None, help="A part of an address.")
@click.option("--last", default=20, show_default=True, type=click.IntRange(1), help="How many at most.")
@click.option("--text", is_flag=True, help="With what each says.")
def letters(to: str | None, last: int, text: bool) -> None:
    """List the letters that were written to files, as they are where no mail server is set."""
    from service.commands import show_letters

    with clear_errors():
        settings = Settings()
    show_letters(settings, console, to=to, last=last, whole=text)


@main.command()
@click.option("--once", is_flag=True, help="End after the story, with exit code 0 only if every step held.")
@click.option(
    "--library", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="An archive of texts."
)
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Default: 8000, or a free one when that is taken."
)
@click.option("--again", is_flag=True, help="Tell the story anew, with new people, on data that has it.")
def demo(once: bool, library: Path | None, port: int | None, again: bool) -> None:
    """Tell the whole story on embedded parts, then keep serving."""
    from service.demo.stage import perform

    settings = Settings()
    with clear_errors():
        refuse_unsafe(settings)
        if settings.env == "production":
            raise Refusal("The demo plays on embedded parts and a payment sandbox: not in production.")
        held = perform(settings, console, once=once, library=library, port=port, again=again)
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()
