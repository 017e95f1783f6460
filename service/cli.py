"""The command line: ``zhihao demo | serve | worker | migrate | import | reindex | doctor``."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import click
from rich.console import Console

from service.platform.embedded import Completed, UnsafeSettings, complete
from service.platform.logs import configure_logs
from service.platform.migrating import migrate as migrate_database
from service.platform.postgres import EmbeddedPostgresError
from service.platform.processes import FolderInUse, PortInUse
from service.platform.settings import Settings
from service.supervisor import NotReady, Supervisor

console = Console(highlight=False)


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turns what an operator can mend into one line and exit code 2."""
    try:
        yield
    except (UnsafeSettings, EmbeddedPostgresError, FolderInUse, PortInUse, NotReady) as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def completed_settings() -> Iterator[Completed]:
    """The settings with their embedded parts running, for as long as the block lasts."""
    with clear_errors():
        completed = complete(Settings())
    try:
        yield completed
    finally:
        if completed.postgres is not None:
            completed.postgres.leave()


@click.group()
def main() -> None:
    """Zhihao (知號): a monetized knowledge marketplace backend."""
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
            lambda url: console.print(f"Zhihao serves {url}   API: {url}/schema   stop with Ctrl-C")
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
    with completed_settings() as completed:
        console.print(f"The database is at revision {migrate_database(completed.settings.database_url)}.")


if __name__ == "__main__":
    main()
