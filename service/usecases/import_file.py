"""An operator imports a file into a knowledge base from the command line, on the owner's behalf."""

import asyncio
import io
import zipfile
from pathlib import Path
from uuid import UUID

from service.knowledge import knowledge_bases
from service.knowledge.parsing.sniffing import EXTENSIONS, extension
from service.usecases.context import Context
from service.usecases.import_documents import request_import


async def import_file(context: Context, *, id: UUID, knowledge_base: str, file: Path) -> None:
    """Requests the import ``id`` of ``file`` into a knowledge base, named by id or slug, as paid documents.

    A single document travels as an archive of one. Raises ``KnowledgeBaseNotFound``.
    """
    async with context.database.reading() as connection:
        base = await knowledge_bases.find(connection, knowledge_base)
    await request_import(
        context,
        id=id,
        knowledge_base_id=base.id,
        owner_id=base.owner_id,
        kind="archive",
        file_name=file.name,
        data=await asyncio.to_thread(_archived, file),
        tier="paid",
        once=None,
    )


def _archived(file: Path) -> bytes:
    data = file.read_bytes()
    if extension(file.name) not in EXTENSIONS:
        return data
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(file.name, data)
    return buffer.getvalue()
