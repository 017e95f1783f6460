"""What limits a key: its scopes, its calls a minute whoever counts them, its end; and how its use is told."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.accounts.secrets import new_secret, secret_hash
from service.platform.database import Database
from tests.integration.metering import add_secret, make_customer, make_knowledge_base, run
from tests.integration.racing import told_by_processes
from tests.security.market import Market, open_market

ORGANIZATIONS = "/enterprise/v1/organizations"


@pytest.fixture
async def market(database: Database, tmp_path: Path) -> AsyncIterator[Market]:
    async with open_market(database, tmp_path) as opened:
        for name in ("creator", "owner", "developer", "billing"):
            await opened.person(name)
        yield opened


async def a_base(market: Market) -> str:
    """A published base with one free document, searched."""
    base = await market.made(
        "creator", "POST", "/creator/v1/knowledge-bases", json={"title": "Herons", "language": "en"}
    )
    path = f"/creator/v1/knowledge-bases/{base['id']}"
    file = {"file": ("h.md", b"The heron stands in the reeds.\n")}
    await market.made("creator", "POST", f"{path}/documents", files=file, data={"tier": "free"})
    await market.made("creator", "POST", f"{path}/publish", json={"rights_declared": True})
    await market.work()
    return str(base["id"])


async def an_organization(market: Market) -> str:
    """Of the owner, with a developer and somebody who pays, under contract; its path."""
    made = await market.made("owner", "POST", ORGANIZATIONS, json={"name": "Wu"})
    database = market.context.database
    for role in ("developer", "billing"):
        await run(
            database,
            "INSERT INTO membership VALUES (:organization, :account, :role, now())",
            organization=made["id"],
            account=market.accounts[role],
            role=role,
        )
    await run(
        database,
        """
        INSERT INTO contract (organization_id, status, stripe_customer_id, created_at, updated_at)
        VALUES (:organization, 'active', 'cus_test', zhihao_now(), zhihao_now())
        """,
        organization=made["id"],
    )
    return f"{ORGANIZATIONS}/{made['id']}"


async def a_key(market: Market, path: str, who: str, **limits: Any) -> str:
    """A key that ``who`` makes; it calls under the name ``key of <who>``."""
    body = {"name": "k", "scopes": ["passages:read"]} | limits
    made = await market.made(who, "POST", f"{path}/keys", json=body)
    market.headers[f"key of {who}"] = {"authorization": f"Bearer {made['secret']}"}
    return str(made["id"])


async def search(market: Market, who: str, base: str) -> httpx.Response:
    body = {"query": "heron", "knowledge_base_ids": [base]}
    return await market.send(f"key of {who}", "POST", "/api/v1/passages", json=body)


async def test_a_key_can_do_no_more_than_its_maker_may_give(market: Market) -> None:
    path, base = await an_organization(market), await a_base(market)
    body = {"name": "k", "scopes": ["passages:read"]}
    refused = await market.send("billing", "POST", f"{path}/keys", json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "role_missing")
    for scopes in (["passages:write"], ["*"], [], ["operator"]):
        bad = await market.send("developer", "POST", f"{path}/keys", json=body | {"scopes": scopes})
        assert bad.status_code == 400 and bad.json()["errors"][0]["pointer"].startswith("/scopes")
    await a_key(market, path, "developer")
    assert (await search(market, "developer", base)).status_code == 200
    asked = {"question": "Where is the heron?", "knowledge_base_ids": [base]}
    answer = await market.send("key of developer", "POST", "/api/v1/answers", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


async def test_the_limit_a_minute_is_told_with_every_call_and_when_it_is_reached(market: Market) -> None:
    path, base = await an_organization(market), await a_base(market)
    await a_key(market, path, "owner", rate_limit=3)
    told = []
    for _ in range(4):
        answer = await search(market, "owner", base)
        assert answer.headers["ratelimit-policy"] == '"minute";q=3;w=60'
        told.append((answer.status_code, answer.headers["ratelimit"].partition(";t=")[0]))
    assert told == [
        (200, '"minute";r=2'),
        (200, '"minute";r=1'),
        (200, '"minute";r=0'),
        (429, '"minute";r=0'),
    ]
    assert 1 <= int(answer.headers["retry-after"]) <= 20
    assert int(answer.headers["ratelimit"].partition(";t=")[2]) <= 60
    await a_key(market, path, "owner")
    assert "ratelimit" not in (await search(market, "owner", base)).headers


async def test_four_processes_count_one_limit(database: Database, database_url: str) -> None:
    base = await make_knowledge_base(database)
    customer = await make_customer(database, rate_limit=10)
    started = time.monotonic()
    told = await told_by_processes(database_url, customer.secret_hash, base, 25)
    billed = told["billed 20"]
    assert 10 <= billed <= 11 + (time.monotonic() - started) // 6  # one more each six seconds
    assert told["RateLimited"] == 100 - billed


async def test_a_key_ends_when_it_says_and_a_rotated_one_when_its_overlap_is_over(market: Market) -> None:
    path, base = await an_organization(market), await a_base(market)
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    key = await a_key(market, path, "owner", expires_at=soon)
    old = market.headers["key of owner"]
    rotated = await market.made("owner", "POST", f"{path}/keys/{key}/rotate", json={"overlap_seconds": 600})
    market.headers["key of developer"] = {"authorization": f"Bearer {rotated['secret']}"}
    assert [(await search(market, who, base)).status_code for who in ("owner", "developer")] == [200, 200]
    database = market.context.database
    await run(database, "UPDATE api_key_secret SET expires_at = now() WHERE expires_at IS NOT NULL")
    assert market.headers["key of owner"] == old
    assert [(await search(market, who, base)).status_code for who in ("owner", "developer")] == [401, 200]
    await run(database, "UPDATE api_key SET expires_at = now()")
    assert (await search(market, "developer", base)).status_code == 401


async def test_keys_show_their_last_use_and_usage_is_told_by_who_made_them(market: Market) -> None:
    path, base = await an_organization(market), await a_base(market)
    unused = await a_key(market, path, "owner")
    used = {await a_key(market, path, who) for who in ("owner", "developer", "developer")}
    for who, times in (("owner", 1), ("developer", 2)):
        for _ in range(times):
            assert (await search(market, who, base)).status_code == 200
    keys = (await market.made("owner", "GET", f"{path}/keys"))["data"]
    listed = {key["id"]: key["last_used_at"] for key in keys}
    assert listed[unused] is None and {id for id, at in listed.items() if at} < used
    moments = [datetime.fromisoformat(at) for at in listed.values() if at]
    assert len(moments) == 2
    assert all(timedelta(0) <= datetime.now(UTC) - at < timedelta(minutes=1) for at in moments)

    by_member = await market.made("owner", "GET", f"{path}/usage?group_by=member")
    units = {line["member_id"]: line["units"] for line in by_member["data"]}
    assert units == {str(market.accounts["owner"]): 1, str(market.accounts["developer"]): 2}
    assert by_member["total"] == (await market.made("owner", "GET", f"{path}/usage"))["total"]
    sheet = await market.send("owner", "GET", f"{path}/usage?group_by=member&format=csv")
    assert sheet.content.decode("utf-8-sig").splitlines()[0] == "member_id,meter,units,amount,currency"

    chart = await market.send("billing", "GET", f"{path}/usage/chart")
    assert chart.headers["content-type"].startswith("image/svg+xml")
    assert chart.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert "0 answers, 3 passages" in chart.text and f"{datetime.now(UTC):%d} · passages: " in chart.text
    empty = await market.send("owner", "GET", f"{path}/usage/chart?month=2025-02")
    assert "<rect" in empty.text and "passages: " not in empty.text
    for bad in ("2025-13", "soon", "2025-2", "1999-01", "9999-12"):
        assert (await market.send("owner", "GET", f"{path}/usage/chart?month={bad}")).status_code == 400


async def test_a_database_that_was_copied_holds_no_usable_key(market: Market) -> None:
    customer, secret = await make_customer(market.context.database), new_secret("live")
    await add_secret(market.context.database, customer, secret_hash(secret))
    dumped = await run(market.context.database, "SELECT k::text, s::text FROM api_key k, api_key_secret s")
    assert secret not in str(dumped) and secret[8:] not in str(dumped)
