"""B7: the 1,094 laws from an archive to searchable, against the parse and the tokens alone.

Run as ``python -m tests.bench.importing [--quick] [--rounds N] [--copies N]``. Measured in turns within each
round, each import in a database and a folder of its own: reading the same files and nothing else (unpacked,
parsed, cut, the terms of each passage as any engine indexes them); the import itself, as the worker does it,
with PostgreSQL and an index that is durable; and the same archive again. Beside these, the least that can be
called reading: the parse, and the tokens of each text as a whole, uncut and uncounted. Figures are seconds of
CPU of this process and PostgreSQL. Then copies of the library, each text another by one line, go into one
knowledge base: what the last costs beside the first, and how the memory of this process grows.

Goal: an import at most twice the reading; the last copy costs as the first, in flat memory. Needs the laws
beside the project (``../shared/data/laws.tar.xz``), and says so.
"""

import argparse
import asyncio
import io
import os
import statistics
import tarfile
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from search.engine.analysed import analysed
from search.engine.embedded import EmbeddedPassageEngine
from search.engine.port import IndexDocument
from search.passages.cutting import cut
from search.text import fold, language_of, tokenise
from service.knowledge import knowledge_bases
from service.knowledge.parsing.formats import title_of, try_parse
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed
from service.platform.blobs import Blobs
from service.platform.collecting import collect_seldom
from service.platform.database import Database
from service.platform.ids import new_id
from service.platform.settings import Settings
from service.usecases.context import Context
from service.usecases.import_documents import import_documents, read_import, request_import
from tests.bench.postgres import Server, postgres
from tests.bench.reporting import about, median_ratio, tell

LAWS = Path(__file__).parents[3] / "shared/data/laws.tar.xz"
MOST = 2.0
OWNER = UUID(int=1)
CHARACTERS = 10_000_000
PAGE = os.sysconf("SC_PAGE_SIZE")


def packed(files: list[tuple[str, bytes]]) -> bytes:
    """An archive of these files, packed as lightly as can be: what is measured is not the unpacking."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def laws(every: int) -> list[tuple[str, bytes]]:
    """Each ``every``-th file of the library."""
    with tarfile.open(LAWS) as archive:
        files = [(m.name, opened.read()) for m in archive if (opened := archive.extractfile(m)) is not None]
    return files[::every]


def parsed(archive: bytes) -> Iterator[tuple[str, Parsed]]:
    """Every file, unpacked and parsed."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        for member in opened:
            file = opened.extractfile(member)
            assert file is not None
            outcome = try_parse(member.name, file.read(), limits=ParseLimits(characters=CHARACTERS))
            assert isinstance(outcome, Parsed)
            yield member.name, outcome


def read_whole(archive: bytes) -> None:
    """The parse, and the tokens of each text as a whole."""
    for _, text in parsed(archive):
        folded = fold(text.text)
        tokenise(folded, language_of(folded, "zh"))


def read_alone(archive: bytes) -> None:
    """The parse, and the terms of each passage."""
    for name, text in parsed(archive):
        passages = cut(text.text, text.blocks)
        owner = IndexDocument(OWNER, OWNER, OWNER, title_of(name), "paid", "zh", passages)
        for _ in analysed(owner):
            pass


@dataclass(frozen=True)
class Place:
    """Somewhere to import into."""

    context: Context
    base: UUID
    owner: UUID

    async def take(self, archive: bytes) -> int:
        """Imports an archive whole; how many entries are ready."""
        id = new_id()
        await request_import(
            self.context,
            id=id,
            knowledge_base_id=self.base,
            owner_id=self.owner,
            kind="archive",
            file_name="laws.tar",
            data=archive,
            tier="paid",
            once=None,
        )
        await import_documents(self.context, import_id=str(id))
        state = await read_import(self.context, id=id, account_id=None)
        assert state.status == "done", state
        assert not state.failed, state.failed
        return state.done


@asynccontextmanager
async def place(url: str) -> AsyncIterator[Place]:
    """An empty knowledge base in a fresh database and folder."""
    database = Database(url, pool_size=4, max_overflow=2, pool_timeout=30)
    nothing: Any = None
    with tempfile.TemporaryDirectory(prefix="zhihao-bench-") as folder:
        passages = EmbeddedPassageEngine(Path(folder) / "passages")
        settings = Settings(_env_file=None)
        blobs = Blobs.open("", Path(folder) / "blobs")
        context = Context(settings, database, nothing, passages, nothing, blobs, None)
        owner, base = new_id(), new_id()
        async with database.transaction() as session:
            await knowledge_bases.create(
                session,
                id=base,
                owner_id=owner,
                title="laws",
                summary="",
                category="law",
                tags=[],
                language="zh-CN",
                visibility="private",
                free_questions=0,
                api_access=True,
                api_price=None,
            )
        yield Place(context, base, owner)
        await passages.close()
        await database.close()


async def one_round(server: Server, archive: bytes, files: int) -> dict[str, float]:
    """CPU seconds of reading, importing and importing again; wall seconds of the last two."""
    seen: dict[str, float] = {}
    for name, read in (("whole", read_whole), ("read", read_alone)):
        before = server.cpu()
        read(archive)
        seen[name] = server.cpu() - before
    with server.fresh() as url:
        async with place(url) as into:
            for name in ("import", "again"):
                before, started = server.cpu(), time.perf_counter()
                assert await into.take(archive) == files
                seen[name], seen[f"{name} wall"] = server.cpu() - before, time.perf_counter() - started
    return seen


def memory() -> float:
    """What this process holds now, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


async def growth(server: Server, files: list[tuple[str, bytes]], copies: int) -> list[dict[str, float]]:
    """CPU seconds and memory of each copy that joins the library."""
    seen = []
    with server.fresh() as url:
        async with place(url) as into:
            for copy in range(copies):
                renamed = [(f"{copy}/{name}", data + f"\n\n{copy}\n".encode()) for name, data in files]
                archive = packed(renamed)
                before = server.cpu()
                await into.take(archive)
                seen.append({"cpu": server.cpu() - before, "memory": memory()})
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--copies", type=int, default=4)
    args = parser.parse_args()
    if not LAWS.exists():
        print(f"left out: the laws are not at {LAWS}")
        return
    if args.quick:
        args.rounds, args.copies = 3, 3
    collect_seldom()  # as the worker does
    files = laws(16 if args.quick else 1)
    archive = packed(files)
    with postgres() as server:
        asyncio.run(one_round(server, archive, len(files)))  # warms up
        rounds = [asyncio.run(one_round(server, archive, len(files))) for _ in range(args.rounds)]
        grown = asyncio.run(growth(server, files, args.copies))
    by_name = {name: [one[name] for one in rounds] for name in rounds[0]}
    ratio = median_ratio(by_name["import"], by_name["read"])
    again = median_ratio(by_name["again"], by_name["read"])
    whole = median_ratio(by_name["import"], by_name["whole"])
    last = grown[-1]["cpu"] / grown[0]["cpu"]
    spread = [round(one / other, 2) for one, other in zip(by_name["import"], by_name["read"], strict=True)]
    rows = [
        {
            "": "parse and tokens of whole texts",
            "CPU s": f"{statistics.median(by_name['whole']):.2f}",
            "ratio": f"the import is {whole:.2f} times this",
        },
        {
            "": "parse and terms of the passages",
            "CPU s": f"{statistics.median(by_name['read']):.2f}",
            "ratio": "1",
        },
        {
            "": "import to searchable",
            "CPU s": f"{statistics.median(by_name['import']):.2f}",
            "ratio": f"{ratio:.2f} (goal {MOST}; {min(spread)} to {max(spread)})",
        },
        {
            "": "the same again",
            "CPU s": f"{statistics.median(by_name['again']):.2f}",
            "ratio": f"{again:.2f}; {statistics.median(by_name['again wall']):.1f} s by the clock",
        },
        {
            "": f"copy {len(grown)} beside copy 1",
            "CPU s": f"{grown[-1]['cpu']:.2f}",
            "ratio": f"{last:.2f}; memory {grown[0]['memory']:.0f} to {grown[-1]['memory']:.0f} MB",
        },
    ]
    result = {
        **about(["tantivy", "sqlalchemy", "psycopg"]),
        "files": len(files),
        "rounds": rounds,
        "ratio": ratio,
        "ratio_to_whole_texts": whole,
        "goal": MOST,
        "again": again,
        "growth": grown,
    }
    tell("importing", f"B7: {len(files)} laws from an archive to searchable", rows, result)


if __name__ == "__main__":
    main()
