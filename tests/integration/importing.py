"""Imports by address and by file, worked to their end."""

from typing import Any

from tests.integration.library import Creator, Json, Library


async def work(library: Library) -> None:
    """What was fetched is a job of its own, which the job that fetched it leaves behind."""
    for _ in range(3):
        await library.work()


async def imported(creator: Creator, base: Json, **body: Any) -> Json:
    """The last state of an import that JSON asked for."""
    job = await creator.post(f"/knowledge-bases/{base['id']}/imports", body)
    await work(creator.library)
    return await creator.get(f"/imports/{job['id']}")


async def uploaded(creator: Creator, base: Json, name: str, data: str | bytes, **fields: str) -> Json:
    """The last state of an import of a file."""
    sent = data.encode() if isinstance(data, str) else data
    job = await creator.request_import(base, sent, name, **fields)
    await work(creator.library)
    return await creator.get(f"/imports/{job['id']}")


async def read(creator: Creator, base: Json, document: Json) -> Json:
    answer = await creator.library.client.get(
        f"/v1/knowledge-bases/{base['id']}/documents/{document['id']}", headers=creator.person.headers
    )
    assert answer.status_code == 200, answer.text
    page: Json = answer.json()
    return page
