"""The passage engine of one machine: tantivy, two folders for each knowledge base.

    root/<knowledge base>/current            {"build", "generation", "deleted"}, replaced atomically
    root/<knowledge base>/<build>/free|all   what a free asker and an entitled one may open

An asker opens one of the two, so what is not theirs is not there to be found, ranked or counted. One
process writes; any number read, and each sees a new `current` at its next search."""

from __future__ import annotations

import asyncio
import shutil
from collections import OrderedDict
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar
from uuid import UUID

from search.engine.analysed import CANDIDATES, analysed, meant, ordered, understood, unheld, worth_reading
from search.engine.folders import (
    Current,
    Signature,
    new_build,
    point,
    read_current,
    remove_others,
    sign_current,
    write_lock,
)
from search.engine.passage_index import Found, PassageIndex, Writing, clauses, document
from search.engine.port import EngineUnavailable, IndexDocument, PassageHit
from search.passages.question import analyse
from search.passages.ranking import Statistics
from search.passages.scope import AccessScope, IndexView, Tier

LOCKS = 64
TIERS: tuple[Tier, Tier] = ("free", "all")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Open:
    """An open index, and what its `current` was then."""

    signature: Signature
    current: Current
    index: PassageIndex
    home: str


class EmbeddedPassageEngine:
    """`PassageEngine` on tantivy. `open_indexes` bounds how many stay open between searches."""

    def __init__(self, root: Path, *, open_indexes: int = 64) -> None:
        self._root = root
        self._limit = max(1, open_indexes)
        self._open: OrderedDict[tuple[UUID, Tier], _Open] = OrderedDict()
        self._lock = Lock()
        self._threads: ThreadPoolExecutor | None = None

    async def add(self, knowledge_base_id: UUID, documents: Sequence[IndexDocument]) -> int:
        async with self._writer(knowledge_base_id):
            return await self._run(self._add, knowledge_base_id, documents)

    async def rebuild(
        self,
        knowledge_base_id: UUID,
        documents: Iterable[IndexDocument] | AsyncIterable[IndexDocument],
    ) -> int:
        async with self._writer(knowledge_base_id):
            build = _Build(self._home(knowledge_base_id))
            try:
                if isinstance(documents, AsyncIterable):
                    async for owner in documents:
                        await self._run(build.add, [owner])
                else:
                    await self._run(build.add, documents)
                return await self._run(self._swap, self._home(knowledge_base_id), build)
            except BaseException:
                build.abandon()
                raise

    async def drop(self, knowledge_base_id: UUID) -> None:
        async with self._writer(knowledge_base_id):
            await self._run(self._drop, knowledge_base_id)

    async def search(self, scope: AccessScope, query: str, *, limit: int) -> list[PassageHit]:
        return await self._run(self._search, scope, query, limit)

    async def close(self) -> None:
        with self._lock:
            self._open.clear()
            threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown)

    # -- reading

    def _search(self, scope: AccessScope, query: str, limit: int) -> list[PassageHit]:
        opened = [(view, *ready) for view in scope.views if (ready := self._opened(view)) is not None]
        question = analyse(query)
        if question.spaced:
            tongues = [
                index.tongues(view.excluded_documents, deleted=current.deleted)
                for view, current, index in opened
            ]
            question = understood(query, [sum(held) for held in zip(*tongues, strict=True)])
        if not question.terms or not opened or limit < 1:
            return []
        statistics, held = _counted(opened, [term.text for term in question.terms])
        if question.spaced and (lost := unheld(question, statistics.frequencies)):
            likely = sorted({word for _, _, index in opened for word in index.near(lost)})
            if likely:
                question = meant(query, question, lost, _counted(opened, likely)[0].frequencies)
                statistics, held = _counted(opened, [term.text for term in question.terms])
        # Weights from the statistics of the whole scope make candidates of all its indexes comparable.
        drawing = clauses(statistics.telling(question))
        wanted = max(CANDIDATES, limit)
        found: list[tuple[list[Found], UUID, PassageIndex]] = []
        for (view, _, index), terms_held in zip(opened, held, strict=True):
            hits = index.candidates(drawing, terms_held, view.excluded_documents, wanted)
            found.append((hits, view.knowledge_base_id, index))
        least = worth_reading([hit[0] for hits, _, _ in found for hit in hits], limit)
        read = [index.read(base, hit) for hits, base, index in found for hit in hits if hit[0] >= least]
        return ordered(question, statistics, read, limit)

    def _opened(self, view: IndexView) -> tuple[Current, PassageIndex] | None:
        """The open index of a view, as fresh as its generation demands; None where nothing was indexed."""
        key = (view.knowledge_base_id, view.tier)
        with self._lock:
            known = self._open.get(key)
            if known is not None:
                self._open.move_to_end(key)
        fresh = known is not None and known.current.generation >= view.generation
        if known is not None and fresh and known.signature == sign_current(known.home):  # as nearly always
            return known.current, known.index
        home = self._home(view.knowledge_base_id)
        for _ in range(5):  # a build may be swapped away between reading `current` and opening it
            read = read_current(home)
            if read is None:
                with self._lock:
                    self._open.pop(key, None)
                if view.generation > 0:
                    raise EngineUnavailable("the index of a knowledge base is missing; it must be rebuilt")
                return None
            signature, current = read
            if current.generation < view.generation:
                raise EngineUnavailable("the index of a knowledge base is older than what was written")
            try:
                if known is not None and known.current.build == current.build:
                    index = known.index if known.signature == signature else known.index.reopened()
                else:
                    index = PassageIndex.open(home / current.build / view.tier)
            except (ValueError, OSError):
                continue
            with self._lock:
                self._open[key] = _Open(signature, current, index, str(home))
                self._open.move_to_end(key)
                while len(self._open) > self._limit:
                    self._open.popitem(last=False)
            return current, index
        raise EngineUnavailable("the index of a knowledge base cannot be opened")

    # -- writing

    def _add(self, knowledge_base_id: UUID, documents: Sequence[IndexDocument]) -> int:
        home = self._home(knowledge_base_id)
        read = read_current(home)
        if read is None:
            build = _Build(home)
            try:
                build.add(documents)
                return self._swap(home, build)
            except BaseException:
                build.abandon()
                raise
        _, current = read
        ids = {owner.document_id for owner in documents}
        deleted = current.deleted
        writing: dict[Tier, Writing] = {}
        for tier in TIERS:
            index = PassageIndex.open(home / current.build / tier)
            held = index.held(ids)
            deleted = deleted or bool(held)
            # An index that nothing changes in is left alone: beginning to write costs as much as many texts.
            if held or tier == "all" or any(owner.tier == "free" for owner in documents):
                writing[tier] = index.writing(without=held)
        for owner in documents:
            _write(owner, writing)
        for index_writing in writing.values():
            index_writing.commit()
        return point(home, current.build, deleted=deleted)

    def _swap(self, home: Path, build: _Build) -> int:
        build.finish()
        generation = point(home, build.name)
        remove_others(home, build.name)
        return generation

    def _drop(self, knowledge_base_id: UUID) -> None:
        home = self._home(knowledge_base_id)
        (home / "current").unlink(missing_ok=True)
        shutil.rmtree(home, ignore_errors=True)
        with self._lock:
            for tier in TIERS:
                self._open.pop((knowledge_base_id, tier), None)

    def _home(self, knowledge_base_id: UUID) -> Path:
        return self._root / str(knowledge_base_id)

    def _writer(self, knowledge_base_id: UUID) -> AbstractAsyncContextManager[None]:
        # Few files serve all knowledge bases: a lock file must outlive the folder it guards.
        return write_lock(self._root / f".lock-{knowledge_base_id.int % LOCKS}")

    async def _run(self, function: Callable[..., T], *arguments: Any) -> T:
        with self._lock:
            if self._threads is None:
                self._threads = ThreadPoolExecutor(4, thread_name_prefix="search")
            threads = self._threads
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, function, *arguments)
        except (OSError, ValueError) as error:
            raise EngineUnavailable("the search index cannot be read or written") from error


def _counted(
    opened: Sequence[tuple[IndexView, Current, PassageIndex]], terms: Sequence[str]
) -> tuple[Statistics, list[set[str]]]:
    """The terms counted over all live passages in scope, and which of them each index holds."""
    total, sums = 0, [0] * len(terms)
    held: list[set[str]] = []
    for view, current, index in opened:
        count, frequencies = index.counts(terms, view.excluded_documents, deleted=current.deleted)
        total += count
        sums = [a + b for a, b in zip(sums, frequencies, strict=True)]
        held.append({term for term, frequency in zip(terms, frequencies, strict=True) if frequency})
    return Statistics(total, dict(zip(terms, sums, strict=True))), held


class _Build:
    """A pair of indexes being made beside the live one."""

    def __init__(self, home: Path) -> None:
        self.name = new_build()
        self._path = home / self.name
        self._writing: dict[Tier, Writing] = {}

    def add(self, documents: Iterable[IndexDocument]) -> None:
        for tier in TIERS:
            if tier not in self._writing:
                self._writing[tier] = PassageIndex.create(self._path / tier).writing()
        for owner in documents:
            _write(owner, self._writing)

    def finish(self) -> None:
        self.add(())
        for writing in self._writing.values():
            writing.commit()

    def abandon(self) -> None:
        self._writing.clear()
        shutil.rmtree(self._path, ignore_errors=True)


def _write(owner: IndexDocument, indexes: Mapping[Tier, Writing]) -> None:
    for passage in analysed(owner):
        made = document(passage)
        for tier, writing in indexes.items():
            if tier == "all" or owner.tier == "free":
                writing.add(made)
