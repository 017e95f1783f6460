"""Knowledge bases over HTTP: made, filled, published, found, read."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from search.passages.scope import AccessScope, IndexView
from service.accounts.tables import ACCOUNT
from service.knowledge.tables import passage_index
from service.platform.database import Database
from service.platform.ids import new_id
from service.usecases.import_documents import import_documents
from service.usecases.import_file import import_file
from tests.integration.library import Json, Library, open_library, zipped

LAW = "# 劳动合同法\n\n## 第二章 订立\n\n第十九条 劳动合同期限三年以上的，试用期不得超过六个月。\n"


@pytest.fixture
async def library(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Library]:
    async with open_library(database, database_url, tmp_path) as opened:
        yield opened


async def found(library: Library, base: Json, query: str, tier: str = "all") -> list[str]:
    """The titles of the documents whose passages a reader of this tier finds."""
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
    return [hit.title for hit in hits]


async def test_a_handle_belongs_to_one_creator_whatever_its_case(library: Library) -> None:
    await library.creator("lawyer")
    other = await library.creator("other")
    taken = await other.send("PUT", "/profile", json={"handle": "LAWYER", "name": "x"})
    assert (taken.status_code, taken.json()["code"]) == (409, "handle_taken")
    bad = await other.send("PUT", "/profile", json={"handle": "no spaces", "name": "x"})
    assert (bad.status_code, bad.json()["code"]) == (400, "invalid_handle")
    assert (await other.put("/profile", {"handle": "Other", "name": "y"}))["handle"] == "Other"


async def test_a_knowledge_base_is_a_draft_with_a_readable_slug_of_its_own(library: Library) -> None:
    creator = await library.creator("maker")
    first = await creator.knowledge_base("Python 實戰課")
    second = await creator.knowledge_base("Python 實戰課")
    assert (first["slug"], first["status"], first["visibility"]) == ("python-實戰課", "draft", "public")
    assert second["slug"].startswith("python-實戰課-")
    assert [item["id"] for item in (await creator.get("/knowledge-bases"))["data"]] == [
        second["id"],
        first["id"],
    ]


async def test_lists_are_paged(library: Library) -> None:
    creator = await library.creator("pager")
    made = [(await creator.knowledge_base(f"kb {n}"))["id"] for n in range(3)]
    first = await creator.get("/knowledge-bases?limit=2")
    second = await creator.get(f"/knowledge-bases?limit=2&cursor={first['next_cursor']}")
    assert [item["id"] for item in first["data"] + second["data"]] == made[::-1]
    assert second["next_cursor"] is None


async def test_changes_touch_what_is_given_and_nothing_else(library: Library) -> None:
    creator = await library.creator("changer")
    base = await creator.knowledge_base(api_price={"amount": 5, "currency": "cny"}, free_questions=2)
    changed = await creator.patch(f"/knowledge-bases/{base['id']}", {"title": "新", "api_price": None})
    assert (changed["title"], changed["api_price"], changed["free_questions"]) == ("新", None, 2)
    assert changed["slug"] == base["slug"]
    refused = await creator.send("PATCH", f"/knowledge-bases/{base['id']}", json={"owner_id": "x"})
    assert refused.status_code == 400


async def test_what_is_somebody_elses_is_not_there(library: Library) -> None:
    base = await (await library.creator("owner")).knowledge_base()
    other = await library.creator("stranger")
    path = f"/knowledge-bases/{base['id']}"
    for method, tail in (("GET", ""), ("DELETE", ""), ("GET", "/documents"), ("GET", "/outline")):
        assert (await other.send(method, path + tail)).status_code == 404
    publishing = await other.send("POST", path + "/publish", json={"rights_declared": True})
    assert publishing.status_code == 404
    upload = await other.send("POST", path + "/documents", files={"file": ("a.md", b"x")})
    assert upload.status_code == 404


async def test_a_document_becomes_ready_and_is_found_with_its_article(library: Library) -> None:
    creator = await library.creator("writer")
    base = await creator.knowledge_base()
    document = await creator.upload(base, "劳动合同法.md", LAW)
    assert (document["status"], document["title"], document["tier"]) == ("ready", "劳动合同法", "paid")
    assert await found(library, base, "試用期多久") == ["劳动合同法"]
    assert await found(library, base, "试用期多久", tier="free") == []
    counted = await creator.get(f"/knowledge-bases/{base['id']}")
    assert (counted["paid_documents"], counted["free_documents"]) == (1, 0)


async def test_a_file_that_cannot_be_read_fails_with_its_reason(library: Library) -> None:
    creator = await library.creator("failing")
    document = await creator.upload(await creator.knowledge_base(), "a.pdf", b"%PDF-1.7")
    assert (document["status"], document["reason"]["code"]) == ("failed", "damaged_document")


async def test_the_same_file_again_is_the_document_there_is(library: Library) -> None:
    creator = await library.creator("again")
    base = await creator.knowledge_base()
    first = await creator.upload(base, "a.md", LAW)
    assert (await creator.upload(base, "a.md", LAW))["id"] == first["id"]
    assert (await creator.upload(base, "b.md", LAW))["id"] != first["id"]


async def test_another_file_is_a_new_revision_and_the_old_one_can_still_be_read(library: Library) -> None:
    creator = await library.creator("reviser")
    base = await creator.knowledge_base()
    first = await creator.upload(base, "a.txt", "old words\n", tier="free")
    path = f"/knowledge-bases/{base['id']}/documents/{first['id']}"
    await creator.send("PUT", path + "/file", files={"file": ("a.txt", b"new text\n")})
    await library.work()
    second = await creator.get(path)
    assert second["revision_id"] != first["revision_id"]
    await creator.publish(base)
    read = f"/v1/knowledge-bases/{base['id']}/documents/{first['id']}"
    assert (await library.client.get(read)).json()["text"] == "new text\n"
    old = (await library.client.get(read, params={"revision_id": first["revision_id"]})).json()
    assert (old["text"], old["revision_id"]) == ("old words\n", first["revision_id"])
    assert await found(library, base, "old words") == []
    assert await found(library, base, "new text") == ["a"]


async def test_a_change_of_tier_counts_from_its_acknowledgement(library: Library) -> None:
    creator = await library.creator("mover")
    base = await creator.knowledge_base()
    document = await creator.upload(base, "a.md", LAW, tier="free")
    assert await found(library, base, "试用期", tier="free") == ["a"]
    path = f"/knowledge-bases/{base['id']}/documents/{document['id']}"
    await creator.patch(path, {"tier": "paid"})
    assert await found(library, base, "试用期", tier="free") == []
    await library.work()
    assert await found(library, base, "试用期", tier="free") == []
    assert await found(library, base, "试用期", tier="all") == ["a"]
    await creator.patch(path, {"tier": "free"})
    await library.work()
    assert await found(library, base, "试用期", tier="free") == ["a"]


async def test_a_removed_document_is_found_by_nobody(library: Library) -> None:
    creator = await library.creator("remover")
    base = await creator.knowledge_base()
    document = await creator.upload(base, "a.md", LAW)
    path = f"/knowledge-bases/{base['id']}/documents/{document['id']}"
    await creator.delete(path)
    assert await found(library, base, "试用期") == []
    assert (await creator.send("GET", path)).status_code == 404
    await library.work()
    assert await found(library, base, "试用期") == []
    assert (await creator.get(f"/knowledge-bases/{base['id']}"))["paid_documents"] == 0


async def test_publishing_needs_the_rights_and_puts_it_on_the_square(library: Library) -> None:
    creator = await library.creator("publisher")
    base = await creator.knowledge_base("诉讼时效指南")
    path = f"/knowledge-bases/{base['id']}"
    refused = await creator.send("POST", path + "/publish", json={"rights_declared": False})
    assert (refused.status_code, refused.json()["code"]) == (400, "rights_not_declared")
    assert (await library.client.get(f"/v1{path}")).status_code == 404
    assert (await creator.publish(base))["status"] == "published"
    square = (await library.client.get("/v1/square", params={"q": "訴訟時效"})).json()
    assert [card["id"] for card in square["data"]] == [base["id"]]
    card = square["data"][0]
    assert card["creator"] == {"handle": "publisher", "name": "Publisher"}
    assert "<em>" in card["highlights"]["title"]
    by_slug = (await library.client.get(f"/v1/knowledge-bases/{base['slug']}")).json()
    assert (by_slug["id"], by_slug["entitlement"]["why"]) == (base["id"], "free_tier")
    assert (await creator.post(path + "/unpublish", {}))["status"] == "draft"
    await library.work()
    assert (await library.client.get("/v1/square")).json()["data"] == []
    assert (await library.client.get(f"/v1{path}")).status_code == 404


@pytest.mark.parametrize("visibility", ["unlisted", "private"])
async def test_only_what_is_public_is_on_the_square(library: Library, visibility: str) -> None:
    creator = await library.creator("hider")
    base = await creator.knowledge_base(visibility=visibility)
    await creator.publish(base)
    assert (await library.client.get("/v1/square")).json()["data"] == []
    expected = 200 if visibility == "unlisted" else 404
    assert (await library.client.get(f"/v1/knowledge-bases/{base['id']}")).status_code == expected
    own = await library.client.get(f"/v1/knowledge-bases/{base['id']}", headers=creator.person.headers)
    assert own.json()["entitlement"]["why"] == "owner"


async def test_a_suspended_creators_knowledge_bases_are_hidden(library: Library) -> None:
    creator = await library.creator("suspended")
    base = await creator.knowledge_base()
    await creator.publish(base)
    async with library.context.database.transaction() as session:
        await session.execute(
            ACCOUNT.update()
            .where(ACCOUNT.c.id == UUID(creator.person.id))
            .values(suspended_at=ACCOUNT.c.created_at)
        )
    assert (await library.client.get("/v1/square")).json()["data"] == []
    assert (await library.client.get(f"/v1/knowledge-bases/{base['slug']}")).status_code == 404


async def test_a_free_document_is_read_by_anybody_with_its_anchors(library: Library) -> None:
    creator = await library.creator("giver")
    base = await creator.knowledge_base()
    text = "\ufeff" + LAW.replace("\n", "\r\n")
    free = await creator.upload(base, "free.md", text, tier="free")
    await creator.publish(base)
    read = (await library.client.get(f"/v1/knowledge-bases/{base['id']}/documents/{free['id']}")).json()
    assert (read["text"], read["revision_id"]) == (text, free["revision_id"])
    last = read["anchors"][-1]
    assert text[last["start"] :].startswith("第十九条")
    assert last["locator"]["label"] == "第二章 订立 › 第十九条"
    page = (await library.client.get(f"/v1/knowledge-bases/{base['id']}")).json()
    assert [item["id"] for item in page["free_documents"]] == [free["id"]]


async def test_a_paid_document_is_closed_but_to_its_owner(library: Library) -> None:
    creator = await library.creator("seller")
    base = await creator.knowledge_base()
    paid = await creator.upload(base, "paid.md", LAW)
    await creator.publish(base)
    path = f"/v1/knowledge-bases/{base['id']}/documents/{paid['id']}"
    refused = await library.client.get(path)
    assert (refused.status_code, refused.json()["code"]) == (402, "entitlement_required")
    assert refused.json()["plans"] == []
    assert (await library.client.get(path, headers=creator.person.headers)).json()["text"] == LAW


async def test_an_outline_points_at_its_headings(library: Library) -> None:
    creator = await library.creator("outliner")
    base = await creator.knowledge_base()
    document = await creator.upload(base, "law.md", LAW)
    path = f"/knowledge-bases/{base['id']}/outline"
    node = (await creator.get(path))["nodes"][0]
    assert (node["title"], node["document_id"]) == ("law", document["id"])
    heading = node["children"][0]
    assert LAW[heading["start"] : heading["end"]] == "## 第二章 订立"
    for format, start in (("markdown", "# "), ("mermaid", "mindmap"), ("opml", "<?xml"), ("svg", "<svg")):
        rendered = await creator.send("GET", f"{path}?format={format}")
        assert rendered.text.startswith(start)
        assert "第二章 订立" in rendered.text


async def test_a_deleted_knowledge_base_is_gone_for_everybody(library: Library) -> None:
    creator = await library.creator("deleter")
    base = await creator.knowledge_base()
    await creator.upload(base, "a.md", LAW, tier="free")
    await creator.publish(base)
    await creator.delete(f"/knowledge-bases/{base['id']}")
    await library.work()
    assert (await creator.send("GET", f"/knowledge-bases/{base['id']}")).status_code == 404
    assert (await library.client.get(f"/v1/knowledge-bases/{base['id']}")).status_code == 404
    assert (await library.client.get("/v1/square")).json()["data"] == []


async def test_creating_twice_with_one_idempotency_key_makes_one(library: Library) -> None:
    creator = await library.creator("once")
    body = {"title": "t", "summary": "", "category": "", "tags": [], "language": "en"}
    headers = {"Idempotency-Key": "the very same"}
    first = await creator.send("POST", "/knowledge-bases", json=body, headers=headers)
    second = await creator.send("POST", "/knowledge-bases", json=body, headers=headers)
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert len((await creator.get("/knowledge-bases"))["data"]) == 1


BAD: dict[str, bytes | str] = {
    "bad.pdf": b"%PDF",
    "../up.md": b"x",
    "notes/a.md": LAW,
    "b.txt": "第一条 甲。\n",
    "same.md": LAW,
}


async def test_the_command_imports_an_archive_and_a_single_document(library: Library, tmp_path: Path) -> None:
    creator = await library.creator("commander")
    base = await creator.knowledge_base()
    (tmp_path / "labour.md").write_text(LAW)
    (tmp_path / "more.zip").write_bytes(zipped({"more.txt": "第一条 乙。"}))
    for name in ("labour.md", "more.zip"):
        await import_file(library.context, id=new_id(), knowledge_base=base["slug"], file=tmp_path / name)
        await library.work()
    documents = await creator.documents(base)
    assert {item["title"] for item in documents} == {"labour", "more"}
    assert {item["status"] for item in documents} == {"ready"}


async def test_an_import_names_what_failed_and_goes_on(library: Library) -> None:
    creator = await library.creator("importer")
    base = await creator.knowledge_base()
    requested = await creator.request_import(base, zipped(BAD), tier="free")
    assert requested["status"] == "queued"
    await library.work()
    state = await creator.get(f"/imports/{requested['id']}")
    assert (state["status"], state["total"], state["done"]) == ("done", 5, 3)
    assert {item["name"]: item["code"] for item in state["failed"]} == {
        "bad.pdf": "damaged_document",
        "../up.md": "unsafe_path",
    }
    assert [item["title"] for item in await creator.documents(base)] == ["a", "b"]
    assert await found(library, base, "试用期", tier="free") == ["a"]


async def test_importing_again_makes_nothing_new_but_revisions(library: Library) -> None:
    creator = await library.creator("reimporter")
    base = await creator.knowledge_base()
    for changed in (LAW, LAW, LAW + "\n第二十条 新。\n"):
        await creator.request_import(base, zipped({"a.md": changed, "b.txt": "第一条 甲。\n"}))
        await library.work()
    documents = await creator.documents(base)
    assert [(item["title"], item["status"]) for item in documents] == [("a", "ready"), ("b", "ready")]
    assert await found(library, base, "第二十条 新") != []


async def test_a_refused_archive_fails_as_a_whole_and_says_why(library: Library) -> None:
    creator = await library.creator("bomber")
    base = await creator.knowledge_base()
    requested = await creator.request_import(base, b"no archive at all")
    await library.work()
    state = await creator.get(f"/imports/{requested['id']}")
    assert state["status"] == "failed"
    assert [item["code"] for item in state["failed"]] == ["not_an_archive"]


async def test_a_kind_that_is_none_or_has_no_file_is_refused(library: Library) -> None:
    creator = await library.creator("kinds")
    base = await creator.knowledge_base()
    path = f"/knowledge-bases/{base['id']}/imports"
    assert (await creator.send("POST", path, json={"kind": "archive"})).status_code == 400
    assert (await creator.send("POST", path, json={"kind": "nonsense"})).status_code == 400
    assert (await creator.send("POST", path, data={"kind": "archive"}, files={})).status_code in {400, 415}
    transcript = await creator.request_import(base, b"hello there\n", "talk.txt", kind="transcript")
    await library.work()
    assert (await creator.get(f"/imports/{transcript['id']}"))["done"] == 1


async def test_an_imports_events_tell_its_progress_to_the_end(library: Library) -> None:
    creator = await library.creator("watcher")
    base = await creator.knowledge_base()
    requested = await creator.request_import(base, zipped(BAD))
    await library.work()
    answer = await creator.send("GET", f"/imports/{requested['id']}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "event: done" in answer.text
    assert '"done":3' in answer.text
    stranger = await library.creator("nosy")
    assert (await stranger.send("GET", f"/imports/{requested['id']}/events")).status_code == 404


class Killed(BaseException):
    """What a kill looks like from inside: nothing after it runs."""


@pytest.mark.parametrize("moment", ["before the index", "after the index"])
async def test_an_import_killed_midway_resumes_without_doubling(
    library: Library, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    creator = await library.creator("phoenix")
    base = await creator.knowledge_base()
    monkeypatch.setattr("service.knowledge.importing.BATCH_FILES", 2)
    files = {f"{n}.md": f"# 标题{n}\n\n第{n + 1}条 内容。\n" for n in range(7)}
    requested = await creator.request_import(base, zipped(files))
    engine, add, calls = library.context.passages, library.context.passages.add, 0

    async def killed(*args: object) -> int:
        nonlocal calls
        calls += 1
        if calls == 2 and moment == "before the index":
            raise Killed
        generation = await add(*args)  # type: ignore[arg-type]  # passes on what it is given
        if calls == 2:
            raise Killed
        return generation

    with monkeypatch.context() as patched:
        patched.setattr(engine, "add", killed)
        with pytest.raises(Killed):
            await import_documents(library.context, import_id=requested["id"])
    state = await creator.get(f"/imports/{requested['id']}")
    assert (state["status"], state["total"], state["done"]) == ("running", 7, 2)
    await library.work()
    state = await creator.get(f"/imports/{requested['id']}")
    assert (state["status"], state["done"], state["failed"]) == ("done", 7, [])
    documents = await creator.documents(base)
    assert sorted(item["title"] for item in documents) == [str(n) for n in range(7)]
    assert {item["status"] for item in documents} == {"ready"}
    assert sorted(await found(library, base, "内容")) == [str(n) for n in range(7)]
