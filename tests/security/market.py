"""A world made real: every door on one database, filled through the creator dashboard."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from litestar import Litestar
from pydantic import SecretStr

from search.engine.embedded import EmbeddedCardEngine, EmbeddedPassageEngine
from search.passages.embedder import Embedder
from service.accounts import tokens
from service.accounts.secrets import new_secret, secret_hash
from service.answering.model import Model
from service.app import DOORS
from service.platform.blobs import Blobs
from service.platform.database import Database
from service.platform.ids import new_id
from service.platform.settings import Settings
from service.usecases.context import Context
from service.usecases.open_gate import open_gate
from service.usecases.owned_tasks import drain
from service.worker import JOBS
from tests.integration.metering import add_secret, make_customer, make_grant, run
from tests.integration.serving import application, bare_context, client_of
from tests.security.worlds import CREATORS, READERS, Base, Document, World

SECRET = "a secret of the tests"
Json = dict[str, Any]


@dataclass
class Market:
    """A running service; ``ids`` is what each name of the world became, ``slugs`` of the bases."""

    context: Context
    client: httpx.AsyncClient
    app: Litestar
    headers: dict[str, dict[str, str]] = field(default_factory=lambda: {"nobody": {}})
    accounts: dict[str, UUID] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    slugs: dict[str, str] = field(default_factory=dict)

    async def send(self, who: str, method: str, path: str, **request: Any) -> httpx.Response:
        headers = self.headers[who] | request.pop("headers", {})
        return await self.client.request(method, path, headers=headers, **request)

    async def made(self, who: str, method: str, path: str, **request: Any) -> Json:
        answer = await self.send(who, method, path, **request)
        assert answer.is_success, answer.text
        return dict(answer.json()) if answer.content else {}

    async def person(self, name: str) -> None:
        """An account that is signed in; its password would take longer than all the rest."""
        account = new_id()
        database = self.context.database
        await run(
            database,
            "INSERT INTO account (id, email, display_name, created_at) VALUES (:id, :email, :name, now())",
            id=account,
            email=f"{name}@example.com",
            name=name,
        )
        self.accounts[name] = account
        await self.sign_in(name)

    async def sign_in(self, name: str) -> None:
        """A session of its own, from now on used."""
        account, session = self.accounts[name], new_id()
        await run(
            self.context.database,
            "INSERT INTO login_session (id, account_id, created_at) VALUES (:id, :account, now())",
            id=session,
            account=account,
        )
        token = tokens.sign(SECRET, tokens.AccessToken(account, session, 4_000_000_000))
        self.headers[name] = {"authorization": f"Bearer {token}"}

    async def work(self) -> None:
        """Does what a worker would, until nothing waits: each job in turn, in this process."""
        taken = """
            DELETE FROM procrastinate_jobs WHERE id = (
              SELECT id FROM procrastinate_jobs WHERE status = 'todo' ORDER BY priority DESC, id LIMIT 1
            ) RETURNING task_name, args
        """
        while rows := await run(self.context.database, taken):
            await JOBS[rows[0].task_name](self.context, **rows[0].args)

    async def add(self, base: Base, document: Document) -> None:
        text = document.text if document.earlier is None else document.earlier
        path = f"/creator/v1/knowledge-bases/{self.ids[base.name]}/documents"
        file = (f"{document.name}.md", text.encode())
        made = await self.made(base.owner, "POST", path, files={"file": file}, data={"tier": document.was})
        self.ids[document.name] = made["id"]


_EMPTY = """
    DO $$ BEGIN SET LOCAL session_replication_role = replica; EXECUTE (
      SELECT 'TRUNCATE ' || string_agg(format('%I', tablename), ', ') || ' CASCADE' FROM pg_tables
      WHERE schemaname = 'public' AND tablename <> ALL (CAST(:kept AS text[]))
    ); END $$
"""


async def kept_tables(database: Database) -> list[str]:
    """The tables that a fresh database has rows in."""
    names = [
        row[0] for row in await run(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ]
    rows = [await run(database, f'SELECT 1 FROM "{name}" LIMIT 1') for name in names]
    return [name for name, found in zip(names, rows, strict=True) if found]


@asynccontextmanager
async def open_market(
    database: Database,
    folder: Path,
    *,
    model: Model | None = None,
    embedder: Embedder | None = None,
    **settings: Any,
) -> AsyncIterator[Market]:
    """Every door, empty rooms."""
    chosen = Settings(secret_key=SecretStr(SECRET), data_dir=folder, **settings)
    passages = EmbeddedPassageEngine(chosen.index_dir / "passages", open_indexes=8)
    cards = EmbeddedCardEngine(chosen.index_dir / "cards")
    gate = open_gate(database, chosen)
    context = bare_context(
        database,
        chosen,
        passages=passages,
        cards=cards,
        blobs=Blobs.open("", folder / "blobs"),
        model=model,
        embedder=embedder,
        gate=gate,
    )
    with application(context, DOORS) as app:
        async with client_of(app) as client:
            yield Market(context, client, app)
    await drain(5)
    await gate.close()
    await passages.close()
    await cards.close()


async def empty(database: Database, kept: list[str]) -> None:
    """Takes away everything but what a fresh database has."""
    names = ", ".join(f"'{name}'" for name in kept)
    await run(database, _EMPTY.replace("CAST(:kept AS text[])", f"ARRAY[{names}]"))


async def fill(market: Market, world: World) -> World:
    """Makes the world: first as it was, then, once that is searched, as it is. Returns it with those of the
    sample questions that were taken."""
    for name in (*CREATORS, *READERS):
        await market.person(name)
    for name in CREATORS:
        profile = {"handle": name, "name": name.title()}
        await market.made(name, "PUT", "/creator/v1/profile", json=profile)
    for base in world.bases:
        await _begin(market, base)
    await market.work()
    taken = [replace(base, samples=await _apply_samples(market, base)) for base in world.bases]
    for base in world.bases:
        for document in base.documents:
            await _change(market, base, document)
        if base.published:
            path = f"/creator/v1/knowledge-bases/{market.ids[base.name]}/publish"
            await market.made(base.owner, "POST", path, json={"rights_declared": True})
    for base in world.bases:
        # Ordered by more than the moment at which a test came by.
        await run(
            market.context.database,
            "UPDATE knowledge_base SET published_at = timestamptz '2026-01-01' + make_interval(hours => :n)"
            " WHERE id = :id AND published_at IS NOT NULL",
            n=base.number,
            id=market.ids[base.name],
        )
    if world.settled:
        await market.work()
    await JOBS["rebuild_cards"](market.context)  # the square is no part of what may be late
    allowed = None
    if world.allowed is not None:
        allowed = [UUID(market.ids[base.name]) for base in world.bases if base.name in world.allowed]
    customer = await make_customer(market.context.database, allowed=allowed)
    secret = new_secret("live")
    await add_secret(market.context.database, customer, secret_hash(secret))
    market.headers["key"] = {"authorization": f"Bearer {secret}"}
    for base in world.bases:
        for reader in sorted(base.readers):
            await make_grant(market.context.database, market.accounts[reader], UUID(market.ids[base.name]))
    return replace(world, bases=tuple(taken))


async def _begin(market: Market, base: Base) -> None:
    body = {
        "title": base.name,
        "summary": base.summary,
        "category": "law",
        "tags": ["t"],
        "language": "zh",
        "visibility": base.visibility,
        "api_access": base.api_access,
    }
    made = await market.made(base.owner, "POST", "/creator/v1/knowledge-bases", json=body)
    market.ids[base.name], market.slugs[base.name] = made["id"], made["slug"]
    for document in base.documents:
        await market.add(base, document)
        if document.edition is not None:
            path = f"/creator/v1/knowledge-bases/{made['id']}/documents/{market.ids[document.name]}"
            edition = {"work": f"rules of {base.name}", "edition": document.edition}
            await market.made(base.owner, "PATCH", path, json={"edition": edition})


async def _apply_samples(market: Market, base: Base) -> tuple[str, ...]:
    """Shows the sample questions of a base, but for those that it does not answer."""
    path = f"/creator/v1/knowledge-bases/{market.ids[base.name]}/packaging"
    await market.made(base.owner, "POST", path)
    await market.work()
    asked = list(base.samples)
    answer = await market.send(base.owner, "PATCH", path, json={"sample_questions": asked})
    if not answer.is_success:
        wrong = {int(error["pointer"].rsplit("/", 1)[1]) for error in answer.json()["errors"]}
        asked = [question for number, question in enumerate(asked) if number not in wrong]
        await market.made(base.owner, "PATCH", path, json={"sample_questions": asked})
    await market.made(base.owner, "POST", f"{path}/apply", json={"fields": ["sample_questions"]})
    return tuple(asked)


async def _change(market: Market, base: Base, document: Document) -> None:
    path = f"/creator/v1/knowledge-bases/{market.ids[base.name]}/documents/{market.ids[document.name]}"
    if document.earlier is not None:
        file = (f"{document.name}.md", document.text.encode())
        await market.made(base.owner, "PUT", f"{path}/file", files={"file": file})
    if document.tier != document.was:
        await market.made(base.owner, "PATCH", path, json={"tier": document.tier})
    if document.removed:
        await market.made(base.owner, "DELETE", path)
