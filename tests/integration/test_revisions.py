"""Imports that come again, files that move, and editions that supersede one another."""

from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import patch
from uuid import UUID

import pytest

from search.passages.scope import AccessScope, IndexView
from service.knowledge import importing
from service.knowledge.parsing.formats import parse
from service.knowledge.tables import document, passage_index, revision
from service.platform.database import Database
from service.usecases.rebuild_index import rebuild_index
from tests.integration.library import Creator, Json, Library, open_library, zipped

OLD = "# 测试法\n\n第一条 押金不得超过一个月的租金。\n\n第二条 租期为二十年。\n"
NEW = "# 测试法\n\n第一条 押金不得超过两个月的租金。\n\n第二条 租期为三十年。\n"


@pytest.fixture
async def library(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Library]:
    async with open_library(database, database_url, tmp_path) as opened:
        yield opened


async def imported(creator: Creator, base: Json, files: dict[str, str], tier: str = "free") -> None:
    requested = await creator.request_import(base, zipped(files), tier=tier)
    await creator.library.work()
    state = await creator.get(f"/imports/{requested['id']}")
    assert (state["status"], state["done"], state["failed"]) == ("done", len(files), [])


async def found(library: Library, base: Json, query: str, tier: str = "all") -> list[str]:
    async with library.context.database.reading() as connection:
        query_row = passage_index.select().where(passage_index.c.knowledge_base_id == UUID(base["id"]))
        row = (await connection.execute(query_row)).one()
    view = IndexView(
        UUID(base["id"]),
        "all" if tier == "all" else "free",
        row.generation,
        frozenset(row.excluded_document_ids),
    )
    hits = await library.context.passages.search(AccessScope((view,)), query, limit=10)
    return list(dict.fromkeys(hit.title for hit in hits))


async def revisions_of(library: Library, base: Json) -> int:
    async with library.context.database.reading() as connection:
        query = revision.select().where(revision.c.knowledge_base_id == UUID(base["id"]))
        return len((await connection.execute(query)).all())


async def test_only_what_changed_is_parsed_and_indexed_again(library: Library) -> None:
    creator = await library.creator("again")
    base = await creator.knowledge_base()
    files = {f"laws/{n}.md": f"# 法{n}\n\n第一条 内容{n}。\n" for n in range(9)}
    await imported(creator, base, files)
    before = await creator.documents(base)
    with (
        patch("service.knowledge.importing.parse", wraps=parse) as parsed,
        patch.object(library.context.passages, "add", wraps=library.context.passages.add) as added,
    ):
        await imported(creator, base, files)
        assert (parsed.call_count, added.call_count) == (0, 0)
        await imported(creator, base, files | {"laws/3.md": "# 法3\n\n第一条 新的内容。\n"})
        assert parsed.call_count == 1
        assert [len(call.args[1]) for call in added.call_args_list] == [1]
    after = await creator.documents(base)
    assert [item["id"] for item in after] == [item["id"] for item in before]
    changed = [a["title"] for a, b in zip(after, before, strict=True) if a["revision_id"] != b["revision_id"]]
    assert changed == ["3"]
    assert await revisions_of(library, base) == 10


async def test_a_file_that_moved_is_the_document_it_was(library: Library) -> None:
    creator = await library.creator("mover")
    base = await creator.knowledge_base()
    await imported(creator, base, {"old/a.md": OLD, "old/b.md": "# b\n\n第九条 别的。\n"})
    before = {item["title"]: item["id"] for item in await creator.documents(base)}
    await imported(creator, base, {"new/租赁.md": OLD, "old/b.md": "# b\n\n第九条 别的。\n"})
    after = {item["title"]: item for item in await creator.documents(base)}
    assert set(after) == {"租赁", "b"}
    assert (after["租赁"]["id"], after["租赁"]["file_name"]) == (before["a"], "new/租赁.md")
    assert await found(library, base, "押金") == ["租赁"]
    await imported(creator, base, {"new/租赁.md": NEW, "old/b.md": "# b\n\n第九条 别的。\n"})
    assert {item["id"] for item in await creator.documents(base)} == set(before.values())


async def test_a_copy_is_no_move_and_a_copy_that_changes_is_a_document(library: Library) -> None:
    creator = await library.creator("copier")
    base = await creator.knowledge_base()
    await imported(creator, base, {"a.md": OLD, "copy/a.md": OLD})
    (only,) = await creator.documents(base)
    await imported(creator, base, {"a.md": OLD, "copy/a.md": NEW})
    files = {item["file_name"]: item["id"] for item in await creator.documents(base)}
    assert files == {"a.md": only["id"], "copy/a.md": files["copy/a.md"]}


async def test_the_folder_an_archive_is_packed_in_is_no_part_of_a_path(library: Library) -> None:
    creator = await library.creator("packer")
    base = await creator.knowledge_base()
    await imported(creator, base, {"laws-main/a.md": OLD, "laws-main/b.md": "# b\n\n第九条 别的。\n"})
    before = {item["id"] for item in await creator.documents(base)}
    await imported(creator, base, {"laws-1a2b/a.md": NEW, "laws-1a2b/b.md": "# b\n\n第九条 别的。\n"})
    after = await creator.documents(base)
    assert {item["id"] for item in after} == before
    assert sorted(item["file_name"] for item in after) == ["laws-1a2b/a.md", "laws-1a2b/b.md"]


async def test_a_document_removed_while_its_import_runs_is_made_anew(library: Library) -> None:
    creator = await library.creator("racer")
    base = await creator.knowledge_base()
    await imported(creator, base, {"a.md": OLD})
    (first,) = await creator.documents(base)
    find = importing.find_known

    async def removed_behind(*args: object) -> set[bytes]:
        known = await find(*args)  # type: ignore[arg-type]  # passes on what it is given
        if known:
            await creator.delete(f"/knowledge-bases/{base['id']}/documents/{first['id']}")
        return known

    with patch("service.usecases.import_documents.find_known", removed_behind):
        await imported(creator, base, {"a.md": OLD})
    (second,) = await creator.documents(base)
    assert second["id"] != first["id"]
    assert second["status"] == "ready"


async def test_the_newer_edition_comes_first_and_the_older_says_what_supersedes_it(library: Library) -> None:
    creator = await library.creator("editor")
    base = await creator.knowledge_base()
    await imported(creator, base, {"测试法(2007-06-29).md": OLD, "测试法(2012-12-28).md": NEW})
    await creator.publish(base)
    assert await found(library, base, "押金最多几个月租金") == ["测试法(2012-12-28)", "测试法(2007-06-29)"]
    assert (await found(library, base, "2007年押金最多几个月租金"))[0] == "测试法(2007-06-29)"
    old, new = await creator.documents(base)
    assert (old["edition"], new["edition"]) == ("2007-06-29", "2012-12-28")
    link = {
        "document_id": new["id"],
        "revision_id": new["revision_id"],
        "title": "测试法(2012-12-28)",
        "edition": "2012-12-28",
    }
    assert (old["superseded_by"], new["superseded_by"]) == (link, None)
    assert [item["document_id"] for item in new["supersedes"]] == [old["id"]]
    path = f"/v1/knowledge-bases/{base['id']}/documents/{old['id']}"
    read = (await library.client.get(path, params={"revision_id": old["revision_id"]})).json()
    assert (read["text"], read["superseded_by"], read["newer_revision_id"]) == (OLD, link, None)
    listed = (await library.client.get(f"/v1/knowledge-bases/{base['id']}/documents")).json()["data"]
    assert [item["superseded_by"] for item in listed] == [link, None]


async def test_what_a_document_said_while_it_was_paid_does_not_open_with_its_later_text(
    library: Library,
) -> None:
    creator = await library.creator("opener")
    base = await creator.knowledge_base()
    drafted = await creator.upload(base, "规则.md", OLD + "\n第二条 起草。\n", tier="free")
    path = f"/knowledge-bases/{base['id']}/documents/{drafted['id']}"

    async def rewritten(text: str, tier: str) -> Json:
        await creator.patch(path, {"tier": tier})
        await creator.send("PUT", f"{path}/file", files={"file": ("规则.md", text)})
        await library.work()
        return await creator.get(path)

    paid = await rewritten(OLD, "paid")
    await creator.publish(base)
    once_open = await rewritten(NEW, "paid")
    await creator.patch(path, {"tier": "free"})
    now = await rewritten(NEW + "\n第二条 补。\n", "free")

    async def seen(headers: dict[str, str]) -> list[int]:
        said = [{"revision_id": revision["revision_id"]} for revision in (drafted, paid, once_open, now)]
        pages = [await library.client.get(f"/v1{path}", params=one, headers=headers) for one in said]
        return [page.status_code for page in pages]

    assert await seen({}) == [200, 404, 200, 200]
    assert await seen(creator.person.headers) == [200] * 4


async def test_a_paid_newer_edition_changes_nothing_for_a_free_asker(library: Library) -> None:
    creator = await library.creator("seller")
    base, lone = await creator.knowledge_base(), await creator.knowledge_base()
    for one in (base, lone):
        await imported(creator, one, {"测试法(2007-06-29).md": OLD})
        await creator.publish(one)
    await imported(creator, base, {"测试法(2012-12-28).md": NEW}, tier="paid")
    (old, new) = await creator.documents(base)
    assert old["superseded_by"]["document_id"] == new["id"]
    (alone,) = await creator.documents(lone)
    shown = []
    for one, item in ((base, old), (lone, alone)):
        path = f"/v1/knowledge-bases/{one['id']}/documents"
        page = (await library.client.get(f"{path}/{item['id']}")).json()
        listed = (await library.client.get(path)).json()["data"]
        known = {page["id"]: "id", page["revision_id"]: "revision", one["id"]: "base"}
        shown.append(
            [
                {k: known.get(v, v) if isinstance(v, str) else v for k, v in row.items()}
                for row in (page, *listed)
            ]
        )
        assert await found(library, one, "押金最多几个月租金", tier="free") == ["测试法(2007-06-29)"]
    assert shown[0] == shown[1]
    assert shown[0][0]["superseded_by"] is None


async def test_a_creator_says_what_an_edition_is_and_takes_it_back(library: Library) -> None:
    creator = await library.creator("chooser")
    base = await creator.knowledge_base()
    old = await creator.upload(base, "规则甲.md", OLD, tier="free")
    new = await creator.upload(base, "规则乙.md", NEW, tier="free")
    path = f"/knowledge-bases/{base['id']}/documents"
    assert old["superseded_by"] is new["superseded_by"] is None
    await creator.patch(f"{path}/{old['id']}", {"edition": {"work": "租赁规则", "edition": "v1"}})
    said = await creator.patch(f"{path}/{new['id']}", {"edition": {"work": "租赁规则", "edition": "v2"}})
    assert [item["document_id"] for item in said["supersedes"]] == [old["id"]]
    await library.work()
    assert await found(library, base, "押金最多几个月租金") == ["规则乙", "规则甲"]
    await creator.send(
        "PUT", f"{path}/{old['id']}/file", files={"file": ("规则甲.md", OLD + "\n第三条 补。\n")}
    )
    await library.work()
    assert (await creator.get(f"{path}/{old['id']}"))["superseded_by"]["document_id"] == new["id"]
    await creator.patch(f"{path}/{old['id']}", {"edition": None})
    assert (await creator.get(f"{path}/{old['id']}"))["superseded_by"] is None
    await creator.patch(f"{path}/{old['id']}", {"title": "租赁规则v0", "edition": "recognised"})
    await creator.patch(f"{path}/{new['id']}", {"title": "租赁规则v9", "edition": "recognised"})
    await library.work()
    assert (await creator.get(f"{path}/{old['id']}"))["superseded_by"]["edition"] == "v9"
    bad = await creator.send(
        "PATCH", f"{path}/{old['id']}", json={"edition": {"work": "x", "edition": "soon"}}
    )
    assert (bad.status_code, bad.json()["code"]) == (400, "invalid_edition")


async def test_documents_of_before_are_looked_at_when_the_index_is_rebuilt(library: Library) -> None:
    creator = await library.creator("elder")
    base = await creator.knowledge_base()
    await imported(creator, base, {"测试法(2007-06-29).md": OLD, "测试法(2012-12-28).md": NEW})
    async with library.context.database.transaction() as session:
        await session.execute(document.update().values(work=None, edition=None, edition_sketch=None))
    await rebuild_index(library.context, knowledge_base_id=base["id"])
    old, new = await creator.documents(base)
    assert old["superseded_by"]["document_id"] == new["id"]
