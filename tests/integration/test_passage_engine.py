"""The embedded passage engine: its files and its readers. What it finds is in tests/contract/engines."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from search.engine.embedded import EmbeddedPassageEngine
from search.engine.port import IndexDocument
from tests.contract.engines.worlds import ONE, document, scope


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[EmbeddedPassageEngine]:
    engine = EmbeddedPassageEngine(tmp_path / "passages", open_indexes=3)
    yield engine
    await engine.close()


async def test_a_failed_rebuild_leaves_the_live_index_and_no_litter(
    engine: EmbeddedPassageEngine, tmp_path: Path
) -> None:
    async def broken() -> AsyncIterator[IndexDocument]:
        yield document(2, "新文")
        raise RuntimeError("the source failed")

    await engine.add(ONE, [document(1, "赔偿旧文")])
    with pytest.raises(RuntimeError):
        await engine.rebuild(ONE, broken())
    assert len(await engine.search(scope(ONE), "赔偿", limit=9)) == 1
    assert len(list((tmp_path / "passages" / str(ONE)).glob("build-*"))) == 1


READER = """
import asyncio, sys
from pathlib import Path
from uuid import UUID
from search.engine.embedded import EmbeddedPassageEngine
from search.passages.scope import AccessScope, IndexView

async def main() -> None:
    engine = EmbeddedPassageEngine(Path(sys.argv[1]), open_indexes=2)
    for line in sys.stdin:
        view = IndexView(UUID(int=1), "all", int(line), frozenset())
        hits = await engine.search(AccessScope((view,)), "试用期", limit=50)
        print(len(hits), flush=True)

asyncio.run(main())
"""


async def test_a_reader_in_another_process_sees_each_generation_at_once(
    engine: EmbeddedPassageEngine, tmp_path: Path
) -> None:
    reader = await asyncio.create_subprocess_exec(
        sys.executable, "-c", READER, str(tmp_path / "passages"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert reader.stdin is not None
    assert reader.stdout is not None
    try:
        for count in range(1, 6):
            documents = [document(n, f"试用期 {n}") for n in range(count)]
            write = engine.rebuild(ONE, documents) if count % 2 else engine.add(ONE, documents[-1:])
            reader.stdin.write(f"{await write}\n".encode())
            assert int(await asyncio.wait_for(reader.stdout.readline(), 30)) == count
    finally:
        reader.stdin.close()
        await reader.wait()
