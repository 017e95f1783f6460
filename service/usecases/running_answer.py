"""One admitted answer, from retrieval to settlement, in tasks that the process owns.

    admitted → refused (released) | streaming → done (settled, committed, then ``Done``)
             | reader gone before the first delta (released) or after it (settled, its part kept)
             | model error, stall, drain (released, ``Failed``)

The builder finds passages and makes verified pieces; it may be cancelled at any moment. The finisher is never
cancelled: it waits for the builder and the reader, and ends the call. A reader takes events, or leaves.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta
from time import monotonic
from uuid import UUID

import msgspec
import structlog
from msgspec import UNSET

from search.engine.port import PassageHit
from search.passages.evidence import supported
from service.access.calls import Admission
from service.answering.answers import AnswerFact, KeptAnswer, Usage
from service.answering.drafting import Citation, Draft, Piece, extract, generate, sha256_of
from service.answering.links import without_links
from service.answering.phrases import REFUSALS, language_of
from service.answering.receipts import Span, issue, signer_of
from service.answering.records import FinishedAnswer
from service.platform.idempotency import Once
from service.usecases.answer_once import forget_call, keep_call
from service.usecases.context import Context
from service.usecases.find_passages import find_passages
from service.usecases.owned_tasks import own
from service.usecases.record_read import record_read
from service.usecases.settle_calls import Outcome, release_call, settle_call

log = structlog.get_logger(__name__)

SPOKEN_OF = 0.5
"""The share of a short question that a passage must say for it to be asked again with its topic."""


class AnswerInterrupted(Exception):
    """The service is stopping, or the reader took too long: nothing was billed."""


@dataclass(frozen=True, slots=True)
class Meta:
    """First of all events."""

    id: UUID
    conversation_id: UUID | None


@dataclass(frozen=True, slots=True)
class Delta:
    """Some text of the answer, verified. A refusal has none."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation, after the delta in which its marker appears first."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class Done:
    """The whole answer, settled. Nothing follows."""

    kept: KeptAnswer


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there will be no answer; nothing was billed. Nothing follows."""

    error: Exception


Event = Meta | Delta | Cited | Done | Failed


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked. ``queries`` are what passages are looked for with: the first that they support, else the
    last; ``earlier`` is what the question leans on."""

    id: UUID
    receipt_id: UUID
    conversation_id: UUID | None
    question: str
    queries: tuple[str, ...]
    earlier: str | None
    once: Once | None


class RunningAnswer:
    """Made right after the call was admitted, with no ``await`` between. ``streamed``: pieces are handed
    over one by one (``events``), so a reader who leaves has had some; else all or nothing (``whole``)."""

    def __init__(self, context: Context, admission: Admission, asked: Asked, *, streamed: bool) -> None:
        self.admission = admission
        self._began = monotonic()
        self._context = context
        self._asked = asked
        self._streamed = streamed
        self._draft = Draft()
        self._seen: list[PassageHit] = []
        self._query = asked.question
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue()
        self._made: list[Piece] = []
        self._handed: list[Piece] = []
        self._left = False
        self._stopping = False
        self._taken = asyncio.Event()
        self._found: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._builder = asyncio.create_task(self._build())
        self._finisher = own(self._finish(), stop=self._stop)

    # --- the reader's side ----------------------------------------------------------------------------

    async def found(self) -> None:
        """Returns once passages were looked for. Raises ``EngineUnavailable`` or what else went wrong; the
        call is released then."""
        await asyncio.shield(self._found)

    async def whole(self) -> KeptAnswer:
        """The settled answer. Raises what ``Failed`` would hold."""
        self._taken.set()
        end = await asyncio.shield(self._finisher)
        if isinstance(end, Failed):
            raise end.error
        return end.kept

    async def events(self) -> AsyncIterator[Event]:
        """Every event, to ``Done`` or ``Failed``. What was asked for next counts as handed over."""
        yield Meta(self._asked.id, self._asked.conversation_id)
        while (piece := await self._pieces.get()) is not None:
            self._handed.append(piece)
            yield Delta(piece.text)
            for citation in piece.citations:
                yield Cited(citation)
        self._taken.set()
        yield await asyncio.shield(self._finisher)

    def leave(self) -> None:
        """The reader is gone, or has had everything. Does not block, and may be called at any time."""
        self._left = True
        self._taken.set()
        self._builder.cancel()

    # --- the process's side ---------------------------------------------------------------------------

    def _stop(self) -> None:
        self._stopping = True
        self._taken.set()
        self._builder.cancel()

    async def _build(self) -> None:
        limit = self._context.settings.answer_passages
        for query in self._asked.queries:
            self._query = query
            self._seen = await find_passages(self._context, self.admission.scope, query, limit=limit)
            # What the texts do not speak of at all is a new question, not one more about the topic.
            if (
                supported(query, self._seen)
                or max((hit.matched for hit in self._seen), default=0) < SPOKEN_OF
            ):
                break
        self._found.set_result(None)
        async with aclosing(self._draw()) as pieces:
            async for drawn in pieces:
                piece = replace(drawn, text=without_links(drawn.text))
                self._made.append(piece)
                self._pieces.put_nowait(piece)

    async def _draw(self) -> AsyncGenerator[Piece, None]:
        asked, settings, model = self._asked, self._context.settings, self._context.model
        if model is None:
            language = language_of(asked.question)
            limit = settings.extract_max_sentences
            for piece in extract(self._draft, self._query, self._seen, language=language, limit=limit):
                yield piece
            return
        written = generate(self._draft, asked.question, self._seen, model=model, earlier=asked.earlier)
        async with aclosing(written) as pieces:
            async for piece in pieces:
                yield piece

    async def _finish(self) -> Done | Failed:
        """Ends the call, whatever happened, and says how."""
        try:
            failure = await self._outcome()
            end = await self._settle() if failure is None else await self._release(failure)
        except Exception as error:  # the reservation's expiry releases what could not be ended here
            log.warning("answer.unfinished", answer_id=str(self._asked.id), error=type(error).__name__)
            await self._forget_quietly()
            end = Failed(error)
        if isinstance(end, Failed) and not self._found.done():
            self._found.set_exception(end.error)
            self._found.exception()  # there may be nobody to take it
        return end

    async def _outcome(self) -> Exception | None:
        """Waits for builder and reader; why nothing may be settled, or ``None``."""
        try:
            await asyncio.shield(self._builder)
        except asyncio.CancelledError:
            if not self._builder.cancelled():
                raise
        except Exception as error:
            return error
        finally:
            self._pieces.put_nowait(None)
        if not await self._reader_is_done() or self._stopping:
            return AnswerInterrupted("The answer was interrupted by the service. Nothing was billed.")
        if self._left and not self._handed:
            return AnswerInterrupted("Nobody waited for the answer. Nothing was billed.")
        return None

    async def _reader_is_done(self) -> bool:
        """Waits until every piece was taken, or the reader left; not longer than the reservation lasts."""
        try:
            async with asyncio.timeout(self._context.settings.reservation_seconds / 2):
                await self._taken.wait()
        except TimeoutError:
            return False
        return True

    async def _release(self, failure: Exception) -> Failed:
        usage = self._draft.usage
        ended = FinishedAnswer(
            id=self._asked.id,
            status="failed",
            model=self._model_name,
            input_tokens=usage.input_tokens if usage else None,
            output_tokens=usage.output_tokens if usage else None,
        )
        await release_call(self._context, self.admission, ended)
        await forget_call(self._context, self._asked.once)
        return Failed(failure)

    async def _settle(self) -> Done:
        pieces = self._handed if self._streamed else self._made
        interrupted = self._streamed and (self._builder.cancelled() or len(pieces) < len(self._made))
        citations = [citation for piece in pieces for citation in piece.citations]
        refused = not pieces
        text = "".join(piece.text for piece in pieces) or REFUSALS[language_of(self._asked.question)]
        units = 0 if refused else 1
        billed = units if self.admission.organization_id is not None else 0
        finished = await self._finished(text, citations, billed, refused=refused, interrupted=interrupted)
        drawn: dict[UUID, int] = {}
        for citation in citations:
            drawn[citation.knowledge_base_id] = drawn.get(citation.knowledge_base_id, 0) + 1
        outcome = Outcome(units=units, drawn_from=tuple(drawn), citations=drawn, answer=finished)
        settlement = await settle_call(self._context, self.admission, outcome)
        fact = AnswerFact(
            id=self._asked.id,
            text=text,
            refused=refused,
            citations=citations,
            conversation_id=self._asked.conversation_id,
            receipt_id=self._asked.receipt_id,
            usage=Usage(settlement.billed_units, settlement.remaining_free),
            interrupted=True if interrupted else UNSET,
        )
        await self._count_reader(drawn)
        kept = KeptAnswer(
            fact, self._grounds, settlement.cap_remaining, finished.input_tokens, finished.output_tokens
        )
        try:
            await keep_call(self._context, self._asked.once, kept)
        except Exception as error:  # settled it is; the row finds it again when the claim runs out
            log.warning("answer.unkept", answer_id=str(fact.id), error=type(error).__name__)
        return Done(kept)

    async def _count_reader(self, drawn: Iterable[UUID]) -> None:
        """Who had an answer drawn from free texts has read them: it counts for the traffic pool."""
        free = [base for base in drawn if self._grounds[base] == "free_tier"]
        account_id = self.admission.account_id
        if not free or account_id is None:
            return
        try:
            await record_read(self._context, knowledge_base_ids=free, account_id=account_id, network=None)
        except Exception as error:  # settled it is; a reader is counted at the next occasion
            log.warning("answer.uncounted", answer_id=str(self._asked.id), error=type(error).__name__)

    async def _finished(
        self, text: str, citations: list[Citation], billed: int, *, refused: bool, interrupted: bool
    ) -> FinishedAnswer:
        asked, usage = self._asked, self._draft.usage
        receipt = issue(
            signer_of(self._context.settings.secret_key.get_secret_value()),
            id=asked.receipt_id,
            at=self.admission.at + timedelta(seconds=monotonic() - self._began),
            meter="answers",
            units=billed,
            refused=refused,
            question=asked.question,
            answer=text,
            seen=[Span(hit.revision_id, hit.start, hit.end, sha256_of(hit.text)) for hit in self._seen],
            cited=[citation.span for citation in citations],
        )
        return FinishedAnswer(
            id=asked.id,
            status="refused" if refused else "interrupted" if interrupted else "done",
            text=text,
            citations=[msgspec.to_builtins(citation) for citation in citations],
            seen=[(str(hit.revision_id), hit.start, hit.end) for hit in self._seen],
            grounds={str(base): why for base, why in self._grounds.items()},
            billed_units=billed,
            receipt=receipt,
            model=self._model_name,
            input_tokens=usage.input_tokens if usage else None,
            output_tokens=usage.output_tokens if usage else None,
        )

    @property
    def _grounds(self) -> dict[UUID, str]:
        return {base: decision.why for base, decision in self.admission.decisions.items()}

    @property
    def _model_name(self) -> str | None:
        return None if self._context.model is None else self._context.model.name

    async def _forget_quietly(self) -> None:
        try:
            await forget_call(self._context, self._asked.once)
        except Exception as error:  # the claim runs out by itself
            log.warning("answer.unforgotten", answer_id=str(self._asked.id), error=type(error).__name__)
