"""The feed of changes: what each reader is told, in which order, and what nobody is."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from service.knowledge import changes
from service.knowledge.tables import document
from service.platform.database import Database
from tests.integration.library import Creator, Json, Library, open_library, zipped
from tests.integration.serving import SignedIn, register

OLD = "# 测试法\n\n第一条 押金不得超过一个月的租金。\n"
NEW = "# 测试法\n\n第一条 押金不得超过两个月的租金。\n"


@pytest.fixture
async def library(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Library]:
    async with open_library(database, database_url, tmp_path) as opened:
        yield opened


async def feed(library: Library, base: Json, reader: SignedIn | None = None, **params: Any) -> Json:
    answer = await library.client.get(
        f"/v1/knowledge-bases/{base['id']}/changes", params=params, headers=reader.headers if reader else {}
    )
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    return told


def said(told: Json) -> list[tuple[str, str | None]]:
    return [(entry["kind"], entry["title"]) for entry in told["data"]]


async def imported(creator: Creator, base: Json, files: dict[str, str], tier: str = "free") -> None:
    await creator.request_import(base, zipped(files), tier=tier)
    await creator.library.work()


async def test_a_follower_is_told_what_was_added_changed_and_removed_and_goes_on(library: Library) -> None:
    creator = await library.creator("teller")
    base = await creator.knowledge_base()
    first = await creator.upload(base, "甲.md", OLD, tier="free")
    await creator.publish(base)
    told = await feed(library, base)
    assert (said(told), told["view"], told["next_cursor"]) == ([("added", "甲")], "free", None)
    path = f"/knowledge-bases/{base['id']}/documents"
    second = await creator.upload(base, "乙.md", NEW, tier="free")
    await creator.send(
        "PUT", f"{path}/{first['id']}/file", files={"file": ("甲.md", NEW + "\n第二条 补。\n")}
    )
    await library.work()
    await creator.patch(f"{path}/{first['id']}", {"title": "甲二"})
    await creator.delete(f"{path}/{second['id']}")
    later = await feed(library, base, cursor=told["resume_cursor"])
    kinds = [("added", None), ("changed", "甲二"), ("changed", "甲二"), ("removed", None)]
    assert said(later) == kinds
    assert later["data"][-1]["document_id"] == second["id"]
    assert [entry["number"] for entry in later["data"]] == [2, 3, 4, 5]
    await library.work()  # the rebuild that follows says nothing new
    ended = await feed(library, base, cursor=later["resume_cursor"])
    assert (ended["data"], ended["next_cursor"]) == ([], None)
    assert said(await feed(library, base, cursor=ended["resume_cursor"])) == []
    page, walked = await feed(library, base, limit=2), []
    while True:
        walked += page["data"]
        if page["next_cursor"] is None:
            break
        page = await feed(library, base, limit=2, cursor=page["next_cursor"])
    assert [entry["number"] for entry in walked] == [1, 2, 3, 4, 5]


async def test_a_free_reader_hears_nothing_of_the_paid_tier_and_its_owner_all(library: Library) -> None:
    creator = await library.creator("quiet")
    base = await creator.knowledge_base()
    paid = await creator.upload(base, "秘密.md", OLD)
    gone = await creator.upload(base, "草稿.md", NEW, tier="free")
    path = f"/knowledge-bases/{base['id']}/documents"
    await creator.delete(f"{path}/{gone['id']}")
    hidden = await library.client.get(f"/v1/knowledge-bases/{base['id']}/changes")
    assert (hidden.status_code, hidden.json()["code"]) == (404, "knowledge_base_not_found")
    draft = await feed(library, base, creator.person)
    drafted = [("added", "秘密"), ("added", None), ("removed", None)]
    assert (draft["view"], said(draft)) == ("draft", drafted)
    await creator.publish(base)
    empty = await feed(library, base)
    assert (empty["data"], empty["view"]) == ([], "free")
    await creator.patch(f"{path}/{paid['id']}", {"title": "更秘密"})
    assert (await feed(library, base, cursor=empty["resume_cursor"]))["data"] == []
    await creator.patch(f"{path}/{paid['id']}", {"tier": "free"})
    await creator.patch(f"{path}/{paid['id']}", {"tier": "paid"})
    opened = await feed(library, base, cursor=empty["resume_cursor"])
    assert said(opened) == [("added", None), ("removed", None)]
    assert [entry["number"] for entry in opened["data"]] == [1, 2]
    assert "秘密" not in str(opened)
    owner = await feed(library, base, creator.person)
    assert (owner["view"], said(owner)) == ("all", [("added", "更秘密"), ("changed", "更秘密")])
    assert owner == await feed(library, base, creator.person, cursor=draft["resume_cursor"])
    await creator.post(f"/knowledge-bases/{base['id']}/unpublish", {})
    await creator.upload(base, "后来.md", NEW + "\n第九条 后来。\n", tier="free")
    assert (await library.client.get(f"/v1/knowledge-bases/{base['id']}/changes")).status_code == 404
    await creator.publish(base)
    after = await feed(library, base, cursor=opened["resume_cursor"])
    assert [(entry["kind"], entry["title"], entry["number"]) for entry in after["data"]] == [
        ("added", "后来", 3)
    ]


async def test_a_newer_edition_supersedes_for_those_who_may_open_it(library: Library) -> None:
    creator = await library.creator("editions")
    base = await creator.knowledge_base()
    await imported(creator, base, {"测试法(2007-06-29).md": OLD})
    await creator.publish(base)
    start = await feed(library, base)
    owners = await feed(library, base, creator.person)
    await imported(creator, base, {"测试法(2012-12-28).md": NEW}, tier="paid")
    old, new = await creator.documents(base)
    assert (await feed(library, base, cursor=start["resume_cursor"]))["data"] == []
    later = await feed(library, base, creator.person, cursor=owners["resume_cursor"])
    assert said(later) == [("added", new["title"]), ("superseded", old["title"])]
    link = {
        "document_id": new["id"],
        "revision_id": new["revision_id"],
        "title": new["title"],
        "edition": "2012-12-28",
    }
    assert later["data"][1]["superseded_by"] == link
    path = f"/knowledge-bases/{base['id']}/documents/{new['id']}"
    await creator.patch(path, {"tier": "free"})
    free = await feed(library, base, cursor=start["resume_cursor"])
    assert said(free) == [("added", new["title"]), ("superseded", old["title"])]
    await creator.patch(path, {"tier": "paid"})
    back = await feed(library, base, cursor=start["resume_cursor"])
    assert [entry["kind"] for entry in back["data"]] == ["added", "superseded", "removed", "changed"]
    assert new["title"] not in str(back)
    assert all(entry["superseded_by"] is None for entry in back["data"])


async def test_a_cursor_of_another_view_begins_anew(library: Library) -> None:
    creator = await library.creator("risen")
    base = await creator.knowledge_base()
    await creator.upload(base, "甲.md", OLD, tier="free")
    await creator.upload(base, "乙.md", NEW)
    await creator.publish(base)
    reader = await register(library.client, "reader")
    free = await feed(library, base, reader)
    assert said(free) == [("added", "甲")]
    foreign = await library.client.get(
        f"/v1/knowledge-bases/{base['id']}/changes", params={"cursor": free["resume_cursor"]}
    )
    assert foreign.status_code == 400
    await creator.post(f"/knowledge-bases/{base['id']}/grants", {"email": reader.email})
    paid = await feed(library, base, reader, cursor=free["resume_cursor"])
    assert (paid["view"], said(paid)) == ("all", [("added", "甲"), ("added", "乙")])


async def test_numbers_follow_commits_when_many_write_at_once(library: Library) -> None:
    creator = await library.creator("many")
    base = await creator.knowledge_base()
    await imported(creator, base, {f"{n}.md": f"# 文{n}\n\n第一条 内容{n}。\n" for n in range(12)})
    await creator.publish(base)
    listed = await creator.documents(base)
    cursor, seen = (await feed(library, base))["resume_cursor"], []
    path = f"/knowledge-bases/{base['id']}/documents"
    writing = asyncio.gather(
        *(creator.patch(f"{path}/{item['id']}", {"title": f"新{n}"}) for n, item in enumerate(listed))
    )
    while not writing.done():
        told = await feed(library, base, cursor=cursor)
        cursor = told["resume_cursor"]
        seen += told["data"]
        await asyncio.sleep(0.005)
    await writing
    seen += (await feed(library, base, cursor=cursor))["data"]
    assert [entry["number"] for entry in seen] == list(range(13, 25))
    assert {entry["document_id"] for entry in seen} == {item["id"] for item in listed}


async def test_what_a_page_and_an_entry_cost_does_not_grow_with_the_history(library: Library) -> None:
    creator = await library.creator("old")
    base = await creator.knowledge_base()
    one = await creator.upload(base, "甲.md", OLD, tier="free")
    history = sa.text(
        """
        INSERT INTO knowledge_change
          (knowledge_base_id, view, number, kind, document_id, revision_id, title_hash)
        SELECT :base, 'draft', n, 'changed', :document, :revision, hashtextextended('甲', 0)
        FROM generate_series(2, 60000) AS n
        """
    )
    values = {"base": UUID(base["id"]), "document": UUID(one["id"]), "revision": UUID(one["revision_id"])}
    async with library.context.database.transaction() as session:
        await session.execute(history, values)
        await session.execute(sa.text("ANALYZE knowledge_change"))
    async with library.context.database.transaction() as session:
        found = await changes.list_changes(
            session, knowledge_base_id=values["base"], view="draft", after=59_000, limit=20
        )
        await session.execute(document.update().values(title="乙"))
        await changes.record(session, values["base"], [values["document"]])
        read = sa.text(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
            " WHERE relname = 'knowledge_change'"
        )
        assert (await session.execute(read)).scalar_one() < 100
    assert [change.number for change in found] == list(range(59_001, 59_021))
    told = await feed(library, base, creator.person, limit=100)
    assert len(told["data"]) == 100
