"""Creators, readers and a real worker, on a fresh database and real indexes."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import sqlalchemy as sa
from pydantic import SecretStr

from search.engine.embedded import EmbeddedCardEngine, EmbeddedPassageEngine
from service.creator_api.router import router as creator_api
from service.platform.blobs import Blobs
from service.platform.database import Database
from service.platform.jobs import QUEUE
from service.platform.settings import Settings
from service.subscriber_api.accounts import router as sign_in
from service.subscriber_api.router import router as subscriber_api
from service.usecases.context import Context
from service.worker import build
from tests.integration.serving import SignedIn, bare_context, register, serving

Json = dict[str, Any]

_DUE = sa.text(
    "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status = 'todo'"
    " AND (scheduled_at IS NULL OR scheduled_at <= now()))"
)


@dataclass(frozen=True)
class Library:
    """A running service without its money side."""

    context: Context
    client: httpx.AsyncClient

    async def work(self, *, seconds: float = 120) -> None:
        """Runs every job that waits, in a real worker, until none is left."""
        with patch("service.worker.PERIODIC", ()):  # the clock's jobs belong to the money side
            app = build(self.context)
        async with app.open_async(), asyncio.timeout(seconds):
            while True:
                # A worker that does not wait leaves what is locked by a job that still runs.
                await app.run_worker_async(
                    queues=[QUEUE],
                    wait=False,
                    concurrency=self.context.settings.job_concurrency,
                    delete_jobs="successful",
                    install_signal_handlers=False,
                    listen_notify=False,
                )
                async with self.context.database.reading() as connection:
                    if not (await connection.execute(_DUE)).scalar_one():
                        return

    async def creator(self, name: str) -> "Creator":
        """A signed-in creator with the handle ``name``."""
        person = await register(self.client, name)
        creator = Creator(self, person)
        await creator.put("/profile", {"handle": name, "name": name.title()})
        return creator


@dataclass(frozen=True)
class Creator:
    """Somebody at the creator dashboard; every call must succeed."""

    library: Library
    person: SignedIn

    async def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        headers = {**self.person.headers, **request.pop("headers", {})}
        return await self.library.client.request(method, f"/creator/v1{path}", headers=headers, **request)

    async def _done(self, method: str, path: str, **request: Any) -> Json:
        answer = await self.send(method, path, **request)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else {}

    async def get(self, path: str) -> Json:
        return await self._done("GET", path)

    async def put(self, path: str, body: Json) -> Json:
        return await self._done("PUT", path, json=body)

    async def post(self, path: str, body: Json) -> Json:
        return await self._done("POST", path, json=body)

    async def patch(self, path: str, body: Json) -> Json:
        return await self._done("PATCH", path, json=body)

    async def delete(self, path: str) -> None:
        await self._done("DELETE", path)

    async def knowledge_base(self, title: str = "劳动法", **fields: Any) -> Json:
        body = {"title": title, "summary": "s", "category": "法律", "tags": ["law"], "language": "zh-CN"}
        return await self.post("/knowledge-bases", {**body, **fields})

    async def upload(self, base: Json, name: str, data: bytes | str, tier: str = "paid") -> Json:
        """A document, indexed or failed when this returns."""
        sent = data.encode() if isinstance(data, str) else data
        path = f"/knowledge-bases/{base['id']}/documents"
        made = await self._done("POST", path, files={"file": (name, sent)}, data={"tier": tier})
        await self.library.work()
        return await self.get(f"{path}/{made['id']}")

    async def request_import(self, base: Json, data: bytes, name: str = "a.zip", **fields: str) -> Json:
        return await self._done(
            "POST",
            f"/knowledge-bases/{base['id']}/imports",
            files={"file": (name, data)},
            data={"kind": "archive", **fields},
        )

    async def documents(self, base: Json) -> list[Json]:
        listed = await self.get(f"/knowledge-bases/{base['id']}/documents?limit=100")
        return list(listed["data"])

    async def publish(self, base: Json) -> Json:
        published = await self.post(f"/knowledge-bases/{base['id']}/publish", {"rights_declared": True})
        await self.library.work()
        return published


@asynccontextmanager
async def open_library(
    database: Database, database_url: str, folder: Path, **parts: Any
) -> AsyncIterator[Library]:
    """A library whose indexes and files are in ``folder``; ``settings`` and other parts as named."""
    settings = Settings(
        secret_key=SecretStr("a secret of the tests"),
        data_dir=folder,
        database_url=database_url,
        **parts.pop("settings", {}),
    )
    passages = EmbeddedPassageEngine(settings.index_dir / "passages", open_indexes=8)
    cards = EmbeddedCardEngine(settings.index_dir / "cards")
    context = bare_context(
        database, settings, passages=passages, cards=cards, blobs=Blobs.open("", folder / "blobs"), **parts
    )
    async with serving(context, [sign_in, creator_api, subscriber_api]) as client:
        yield Library(context, client)
    await passages.close()
    await cards.close()


def zipped(files: Mapping[str, bytes | str]) -> bytes:
    """A zip of these files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()
