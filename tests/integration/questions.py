"""A small library with paid and free text, its readers, a key, and perhaps a model: what questions need."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from service.accounts.secrets import new_secret, secret_hash
from service.answering.openai_model import ModelConfig, OpenAIModel
from service.enterprise_api.router import router as enterprise_api
from service.platform.database import Database
from service.subscriber_api.accounts import router as sign_in
from service.subscriber_api.router import router as subscriber_api
from service.usecases.context import Context
from service.usecases.open_gate import open_gate
from service.usecases.owned_tasks import drain
from tests.integration.library import Creator, Json, Library, open_library
from tests.integration.metering import Customer, add_secret, make_customer, make_grant, run
from tests.integration.serving import SignedIn, application, client_of, register

CANARY = "七彩独角兽"
PAID = (
    "# 试用期\n\n劳动合同期限三个月以上不满一年的，试用期不得超过一个月。"
    "三年以上固定期限的劳动合同，试用期不得超过六个月。\n\n"
    f"# 暗号\n\n本店的暗号是{CANARY}。\n"
)
FREE = "# 休假\n\n职工连续工作一年以上的，享受带薪年休假五天。\n"
QUESTION = "三年以上固定期限劳动合同的试用期最长多久"
CANARY_QUESTION = "本店的暗号是什么"
FREE_QUESTION = "职工连续工作一年以上带薪年休假几天"
FOREIGN = "如何烘焙法棍面包"


@dataclass
class World:
    """A published base with one paid and one free document, and everything a caller may be."""

    library: Library
    client: httpx.AsyncClient
    context: Context
    creator: Creator
    base: Json
    paid: Json
    free: Json
    app: Any
    readers: int = field(default=0)

    @property
    def base_id(self) -> UUID:
        return UUID(self.base["id"])

    async def reader(self, *, subscribed: bool = False) -> SignedIn:
        self.readers += 1
        person = await register(self.client, f"reader{self.readers}")
        if subscribed:
            await make_grant(self.context.database, UUID(person.id), self.base_id)
        return person

    async def ask(self, person: SignedIn, question: str, **more: Any) -> httpx.Response:
        headers = person.headers | more.pop("headers", {})
        path = f"/v1/knowledge-bases/{self.base['slug']}/ask"
        return await self.client.post(path, json={"question": question, **more}, headers=headers)

    async def answer(self, person: SignedIn, question: str, **more: Any) -> Json:
        response = await self.ask(person, question, **more)
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def key(self, **limits: Any) -> tuple[dict[str, str], Customer]:
        """The headers of a key that works, and whose it is."""
        customer = await make_customer(self.context.database, **limits)
        secret = new_secret("live")
        await add_secret(self.context.database, customer, secret_hash(secret))
        return {"authorization": f"Bearer {secret}"}, customer

    async def count(self, statement: str, **values: object) -> int:
        rows = await run(self.context.database, f"SELECT count(*) FROM {statement}", **values)
        return int(rows[0][0])

    async def text_of(self, revision_id: str) -> str:
        rows = await run(self.context.database, "SELECT text FROM revision WHERE id = :id", id=revision_id)
        return str(rows[0][0])


@asynccontextmanager
async def open_world(
    database: Database,
    database_url: str,
    folder: Path,
    *,
    model_url: str | None = None,
    idle_seconds: float = 5.0,
    parts: Mapping[str, Any] | None = None,
    **fields: Any,
) -> AsyncIterator[World]:
    """``fields`` are the knowledge base's; ``model_url`` that of a stub; ``parts`` are the context's."""
    async with open_library(database, database_url, folder, **(parts or {})) as library:
        model = None
        if model_url is not None:
            model = OpenAIModel(ModelConfig("stub", model_url, "k", 256, idle_seconds, 30.0))
        gate = open_gate(database, library.context.settings)
        context = replace(library.context, gate=gate, model=model)
        creator = await library.creator("wang")
        base = await creator.knowledge_base(**fields)
        paid = await creator.upload(base, "试用期.md", PAID, tier="paid")
        free = await creator.upload(base, "休假.md", FREE, tier="free")
        base = await creator.publish(base)
        doors = [sign_in, subscriber_api, enterprise_api]
        with application(context, doors) as app:
            async with client_of(app) as client:
                yield World(library, client, context, creator, base, paid, free, app)
        await drain(5)
        await gate.close()
        if model is not None:
            await model.close()


def events_of(body: str) -> list[tuple[str, Json]]:
    """The events of a whole stream."""
    found = []
    for block in body.split("\n\n"):
        if block.strip():
            name, data = block.split("\n", 1)
            found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


async def leave_when(
    world: World,
    path: str,
    body: Json,
    headers: dict[str, str],
    *,
    when: Callable[[str], bool],
    after: asyncio.Event | None = None,
) -> str:
    """Posts to the application itself, and hangs up once ``when`` holds of what came, and ``after`` is set;
    returns what came."""
    came = ""
    gone = asyncio.Event()
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal came
        if message["type"] == "http.response.start":
            came += f"HTTP {message['status']}\n"
        else:
            came += message.get("body", b"").decode()
        if when(came) and not gone.is_set():
            if after is not None:
                await after.wait()
            gone.set()
            # What a server does: nothing more is taken, and the task is cancelled.
            await asyncio.sleep(3600)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": path,
        "raw_path": path.encode(), "query_string": b"", "scheme": "http", "root_path": "",
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
        "headers": [(b"host", b"x"), (b"content-type", b"application/json")]
        + [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    serving_task = asyncio.create_task(world.app(scope, receive, send))
    waiting = asyncio.create_task(gone.wait())
    await asyncio.wait({serving_task, waiting}, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    serving_task.cancel()
    await asyncio.gather(serving_task, waiting, return_exceptions=True)
    return came


def opened(jws: str) -> Json:
    """The payload of a compact JWS, unverified."""
    payload = jws.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
