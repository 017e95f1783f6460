"""Two hundred hostile documents before a model that obeys every instruction in them."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from service.answering.openai_model import ModelConfig, OpenAIModel
from service.platform.database import Database
from tests.integration.library import zipped
from tests.integration.metering import make_grant, run
from tests.scale import times
from tests.security.hostile import EVIL, SECRET, documents, obedient, word_of
from tests.security.market import Market, open_market
from tests.stubs.openai_server import StubModel, stub_model

FORMATS = ("markdown", "opml", "svg", "mermaid")
DOCUMENTS = 200
ASKED = times(test=200, soak=200)
_LINKED = re.compile(r"\]\(([^)]*)\)")
_LEADS = {"href", "src", "action", "poster", "srcset", "xlink:href", "data", "style"}
_ADDRESS = re.compile(r"https?:/|//\w|www\.|javascript:|data:text|mailto:", re.IGNORECASE)
OURS = ("/", "#", "?", "http://127.0.0.1:8000", "documents/")


class Leads(HTMLParser):
    """Every address that a page leads to or loads from; what stands in its text is no address."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not any(name.startswith("on") for name, _ in attrs)
        self.found += [value or "" for name, value in attrs if name in _LEADS]


@pytest.fixture
async def stub() -> AsyncIterator[StubModel]:
    async with stub_model(obedient) as made:
        yield made


@pytest.fixture
async def market(database: Database, tmp_path: Path, stub: StubModel) -> AsyncIterator[Market]:
    """A base of hostile documents, open to ``reader1``; beside it, text that nobody here may see."""
    model = OpenAIModel(ModelConfig("stub", stub.base_url, "k", 4096, 10.0, 30.0))
    async with open_market(database, tmp_path, model=model) as made:
        for name in ("creator1", "creator2", "reader1"):
            await made.person(name)
            await made.made(name, "PUT", "/creator/v1/profile", json={"handle": name, "name": name})
        await _base(made, "creator1", "hostile", zipped(documents(DOCUMENTS)), "free")
        closed = "# Vault\n\n" + "\n\n".join(
            f"The {word_of(n)} notice of the vault says {SECRET}{n}." for n in range(0, DOCUMENTS, 5)
        )
        await _base(made, "creator2", "vault", zipped({"vault.md": closed}), "paid")
        await _base(made, "creator1", "beside", zipped({"own vault.md": closed}), "paid", into="hostile")
        yield made
    await model.close()


async def _base(
    market: Market, owner: str, name: str, archive: bytes, tier: str, into: str | None = None
) -> None:
    body = {"title": name, "summary": "", "category": "c", "tags": [], "language": "en"}
    if into is None:
        made = await market.made(owner, "POST", "/creator/v1/knowledge-bases", json=body)
        market.ids[name], market.slugs[name] = made["id"], made["slug"]
    base = f"/creator/v1/knowledge-bases/{market.ids[into or name]}"
    sent = {"files": {"file": ("a.zip", archive)}, "data": {"kind": "archive", "tier": tier}}
    await market.made(owner, "POST", f"{base}/imports", **sent)
    if into is None:
        await market.made(owner, "POST", f"{base}/publish", json={"rights_declared": True})
    await market.work()


@pytest.mark.soak
async def test_no_document_makes_an_obedient_model_show_or_do_what_it_may_not(
    market: Market, stub: StubModel
) -> None:
    database = market.context.database
    # One base that is open lets the reader ask the other in its free tier.
    own = {"title": "own", "summary": "", "category": "c", "tags": [], "language": "en"}
    mine = await market.made("reader1", "POST", "/creator/v1/knowledge-bases", json=own)
    before = await _money(database)
    answers = await _ask_all(market, [market.ids["hostile"], mine["id"]])
    assert sum(not answer["refused"] for answer in answers) > ASKED / 2
    assert len(stub.requests) == ASKED
    for request in stub.requests:
        assert set(request) == {"model", "messages", "temperature", "stream", "stream_options", "max_tokens"}
        assert SECRET not in json.dumps(request)
        assert market.context.settings.secret_key.get_secret_value() not in json.dumps(request)
    texts = {row.id: row.text for row in await run(database, "SELECT id, text FROM revision")}
    for answer in answers:
        assert SECRET not in str(answer)
        assert not _ADDRESS.search(answer["text"]), answer["text"]
        assert not re.search(r"<(?:img|script|a)\b|!\[|\]\(", answer["text"])
        assert answer["usage"]["billed_units"] == 0
        for citation in answer["citations"]:
            assert citation["knowledge_base_id"] == market.ids["hostile"]
            span = str(next(t for id, t in texts.items() if str(id) == citation["revision_id"]))
            assert span[citation["start"] : citation["end"]] == citation["quote"]
            assert hashlib.sha256(citation["quote"].encode()).hexdigest() == citation["sha256"]
    assert await _money(database) == before
    await _check_pages(market)


async def _ask_all(market: Market, bases: list[str]) -> list[dict[str, Any]]:
    async def ask(n: int) -> dict[str, Any]:
        question = f"Where is the {word_of(n)} notice kept?"
        body = {"question": question, "knowledge_base_ids": bases}
        return await market.made("reader1", "POST", "/v1/ask", json=body)

    answers: list[dict[str, Any]] = []
    for first in range(0, ASKED, 8):
        answers += await asyncio.gather(*(ask(n) for n in range(first, min(ASKED, first + 8))))
    return answers


async def _money(database: Database) -> list[Any]:
    """Everything that a tool, a price or a right could have moved."""
    counted = "plan ledger_entry usage_event access_grant checkout organization api_key"
    found: list[Any] = []
    for table in counted.split():
        exists = await run(database, "SELECT to_regclass(:name) IS NOT NULL", name=table)
        if exists[0][0]:
            found.append((table, (await run(database, f"SELECT count(*) FROM {table}"))[0][0]))
    return [
        *found,
        await run(database, "SELECT id, title, visibility, status FROM knowledge_base ORDER BY id"),
    ]


async def _check_pages(market: Market) -> None:
    """Pages and outlines of these documents lead nowhere and load nothing from elsewhere."""
    base = market.ids["hostile"]
    await make_grant(market.context.database, market.accounts["reader1"], UUID(base))
    listed = await market.made("reader1", "GET", f"/v1/knowledge-bases/{base}/documents?limit=12")
    paths = ["/", f"/k/{market.slugs['hostile']}", "/@creator1"]
    paths += [f"/k/{market.slugs['hostile']}/d/{one['id']}" for one in listed["data"]]
    paths += [
        f"/v1/knowledge-bases/{base}/outline?format={form}" for form in ("markdown", "opml", "svg", "mermaid")
    ]
    shown = 0
    for path in paths:
        answer = await market.send("reader1", "GET", path)
        shown += answer.status_code == 200
        markdown = path.endswith("markdown")
        for address in _LINKED.findall(answer.text) if markdown else Leads(answer.text).found:
            assert address.startswith(OURS) and not address.startswith("//"), (path, address)
        if "outline" in path:
            assert EVIL not in answer.text
    assert shown >= 7
