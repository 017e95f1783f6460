"""Step 1: a creator makes, fills, prices and publishes a knowledge base."""

import asyncio
from pathlib import Path
from typing import Any

from service.demo import corpus
from service.demo.cast import LIBRARY_TITLE, TITLE, Cast, Person, Shelf
from service.demo.telling import Teller, fen

IMPORT_SECONDS = 240
READY_SECONDS = 60

SUMMARY = (
    "Python 标准库的实战笔记：一个模块一篇，用 Python 自己的话写成。"
    "The standard library, module by module, in Python's own words."
)
LIBRARY_SUMMARY = "法律、行政法规、司法解释与案例，逐条可查。Statutes and cases, cited by article."


async def publish_course(teller: Teller, cast: Cast) -> Shelf:
    """《Python 實戰課》 on the square, with a free document, two plans and two free questions a month."""
    creator = cast.creator
    await creator.register(teller)
    handle = f"zhixing{cast.suffix}"
    profile = {
        "handle": handle,
        "name": creator.name,
        "bio": "寫給實作者的 Python。Python for people who build.",
    }
    await teller.call("PUT", "/creator/v1/profile", token=creator.token, json=profile)
    teller.show("profile", f"@{handle}  {creator.name}")

    made = await _make(
        teller,
        creator,
        title=TITLE,
        summary=SUMMARY,
        category="programming",
        tags=["Python", "標準函式庫", "standard library"],
        language="en",
        free_questions=2,
    )
    documents = f"/creator/v1/knowledge-bases/{made['id']}/documents"
    waiting = []
    for page in corpus.singles():
        tier = "free" if page.name == corpus.FREE else "paid"
        uploaded = await _upload(teller, creator, documents, page.file_name, page.text.encode(), tier=tier)
        waiting.append(uploaded["id"])
        teller.show(tier, f"{page.file_name}, {len(page.text):,} characters")
    pages = corpus.archived()
    teller.say(f"and an archive of {len(pages)} documents, drawn just now from this machine's Python:")
    await import_archive(teller, creator, made["id"], "python.tar.gz", corpus.pack(pages), len(pages))
    for document_id in waiting:
        await _ready(teller, creator, f"{documents}/{document_id}")

    plans = await add_plans(teller, creator, made["id"], {"month": 990, "year": 9900})
    await publish(teller, creator, made["id"])
    return Shelf(made["id"], made["slug"], TITLE, plans)


async def publish_library(teller: Teller, cast: Cast, archive: Path) -> Shelf:
    """A lawyer's library from the archive at hand, published with a yearly plan."""
    data = await asyncio.to_thread(archive.read_bytes)
    lawyer = cast.lawyer
    await lawyer.register(teller)
    profile = {"handle": f"mingfa{cast.suffix}", "name": lawyer.name, "bio": "执业律师。"}
    await teller.call("PUT", "/creator/v1/profile", token=lawyer.token, json=profile)
    made = await _make(
        teller,
        lawyer,
        title=LIBRARY_TITLE,
        summary=LIBRARY_SUMMARY,
        category="law",
        tags=["法律", "民法典", "劳动法"],
        language="zh",
        free_questions=1,
    )
    await import_archive(teller, lawyer, made["id"], archive.name, data, None)
    plans = await add_plans(teller, lawyer, made["id"], {"year": 19900})
    await publish(teller, lawyer, made["id"])
    return Shelf(made["id"], made["slug"], LIBRARY_TITLE, plans)


async def import_archive(
    teller: Teller, owner: Person, knowledge_base_id: str, name: str, data: bytes, expected: int | None
) -> None:
    """Imports an archive into the paid tier, with a progress bar, until every file of it is ready."""
    path = f"/creator/v1/knowledge-bases/{knowledge_base_id}/imports"
    job = await teller.call(
        "POST",
        path,
        token=owner.token,
        expect=202,
        files={"file": (name, data)},
        data={"kind": "archive", "tier": "paid"},
    )
    with teller.bar("importing", expected) as progressed:

        async def done() -> dict[str, Any] | None:
            state = await teller.call(
                "GET", f"/creator/v1/imports/{job['id']}", token=owner.token, quiet=True
            )
            progressed(state["done"] + len(state["failed"]), state["total"] or expected)
            return state if state["status"] in {"done", "failed"} else None

        state = await teller.until("The archive is imported", done, seconds=IMPORT_SECONDS)
    seen = {key: state[key] for key in ("status", "total", "done", "failed")}
    total = expected or state["total"]
    held = state["status"] == "done" and not state["failed"] and state["done"] == total > 0
    teller.check(f"all {total:,} files of the archive are ready", held, seen)


async def add_plans(
    teller: Teller, owner: Person, knowledge_base_id: str, prices: dict[str, int]
) -> dict[str, str]:
    """A plan for each interval at a price in fen; plan ids by interval."""
    plans = {}
    for interval, amount in prices.items():
        body = {"interval": interval, "price": {"amount": amount, "currency": "cny"}}
        path = f"/creator/v1/knowledge-bases/{knowledge_base_id}/plans"
        plan = await teller.call("POST", path, token=owner.token, expect=201, json=body)
        teller.show("plan", f"{fen(amount)} a {interval}")
        plans[interval] = plan["id"]
    return plans


async def publish(teller: Teller, owner: Person, knowledge_base_id: str) -> None:
    path = f"/creator/v1/knowledge-bases/{knowledge_base_id}/publish"
    published = await teller.call("POST", path, token=owner.token, json={"rights_declared": True})
    teller.check("the rights are declared and it is published", published["status"] == "published", published)


async def _make(teller: Teller, owner: Person, **fields: object) -> Any:
    path = "/creator/v1/knowledge-bases"
    made = await teller.call("POST", path, token=owner.token, expect=201, json=fields)
    teller.show(made["status"], f"{fields['title']}  /k/{made['slug']}")
    return made


async def _upload(teller: Teller, owner: Person, path: str, name: str, data: bytes, *, tier: str) -> Any:
    files = {"file": (name, data, "text/markdown")}
    return await teller.call("POST", path, token=owner.token, expect=202, files=files, data={"tier": tier})


async def _ready(teller: Teller, owner: Person, path: str) -> None:
    async def done() -> bool | None:
        document = await teller.call("GET", path, token=owner.token, quiet=True)
        if document["status"] == "failed":
            teller.check(f"{document['title']} is ready", False, document)
        return True if document["status"] == "ready" else None

    await teller.until("An uploaded document is ready", done, seconds=READY_SECONDS)
