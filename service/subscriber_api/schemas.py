"""What readers send, and are answered where it is not simply a fact of a use case."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from billing.money import Money
from service.http.texts import Handle
from service.knowledge.changes import Change, View
from service.usecases.search_square import CardFact

Url = Annotated[str, Meta(min_length=8, max_length=2000, pattern=r"^https?://[^\s/?#]+")]


class SquareResult(Struct, kw_only=True):
    """A page of the square; ``facets`` and ``total`` count all matches."""

    data: list[CardFact]
    facets: dict[str, dict[str, int]]
    total: int
    next_cursor: str | None = None


class CheckoutBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """The reader comes back to ``success_url`` or ``cancel_url``."""

    plan_id: UUID
    success_url: Url | None = None
    cancel_url: Url | None = None


class TipBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """For the owner of the knowledge base, or of the handle. Anonymous: the creator is not told who."""

    price: Money
    knowledge_base_id: UUID | None = None
    handle: Handle | None = None
    message: Annotated[str, Meta(max_length=500)] | None = None
    anonymous: bool = False
    success_url: Url | None = None
    cancel_url: Url | None = None


class SubscriptionChanges(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is left out stays as it is."""

    plan_id: UUID | None = None
    cancel_at_period_end: bool | None = None


class RefundBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """Why the money should be given back."""

    reason: Annotated[str, Meta(max_length=2000)] = ""


class PortalBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """Where the reader comes back to; the service's own address if it is left out."""

    return_url: Url | None = None


class Ask(Struct, forbid_unknown_fields=True, kw_only=True):
    """`conversation_id` continues a conversation of one's own; without it a new one begins."""

    question: str
    conversation_id: UUID | None = None


class AskSeveral(Struct, forbid_unknown_fields=True, kw_only=True):
    """One question of several knowledge bases."""

    question: str
    knowledge_base_ids: list[UUID]
    conversation_id: UUID | None = None


class ChangePage(Struct, kw_only=True):
    """Oldest first. `next_cursor` is null on the last page; `resume_cursor` leads on from the end of this one
    at any later time. `view` is what was told: the free tier, all,
    or to its owner all of a draft."""

    data: list[Change]
    view: View
    next_cursor: str | None = None
    resume_cursor: str
