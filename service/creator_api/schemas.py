"""The bodies that the creator dashboard takes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from litestar.datastructures import UploadFile
from msgspec import UNSET, Meta, Struct, UnsetType

from billing.money import Money
from service.http.texts import Country, Email, Handle

Name = Annotated[str, Meta(min_length=1, max_length=200)]
Title = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
Summary = Annotated[str, Meta(max_length=5000)]
Tagline = Annotated[str, Meta(max_length=200)]
SampleQuestion = Annotated[str, Meta(min_length=2, max_length=200, pattern=r"\S")]
Category = Annotated[str, Meta(max_length=100)]
Tags = Annotated[list[Annotated[str, Meta(min_length=1, max_length=50)]], Meta(max_length=30)]
Language = Annotated[str, Meta(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
Visibility = Literal["private", "unlisted", "public"]
Count = Annotated[int, Meta(ge=0, le=10_000)]
Tier = Literal["free", "paid"]


class ProfileBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """A creator's public face. Handles are unique, whatever their case."""

    handle: Handle
    name: Name
    bio: Annotated[str, Meta(max_length=5000)] = ""


class KnowledgeBaseBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """``language`` is BCP 47; ``free_questions`` are a month, per account; ``api_price`` is per call."""

    title: Title
    language: Language
    summary: Summary = ""
    category: Category = ""
    tags: Tags = []
    visibility: Visibility = "public"
    free_questions: Count = 0
    api_access: bool = True
    api_price: Money | None = None


class KnowledgeBaseChanges(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is left out stays as it is."""

    title: Title | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    summary: Summary | UnsetType = UNSET
    tagline: Tagline | UnsetType = UNSET
    category: Category | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    free_questions: Count | UnsetType = UNSET
    api_access: bool | UnsetType = UNSET
    api_price: Money | UnsetType | None = UNSET


class PackagingChanges(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is left out stays as it is; each sample question must be answered by the knowledge base."""

    title: Title | UnsetType = UNSET
    tagline: Tagline | UnsetType = UNSET
    summary: Summary | UnsetType = UNSET
    category: Category | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    sample_questions: list[SampleQuestion] | UnsetType = UNSET


class ApplyBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """The fields that are written to the knowledge base, as the draft has them."""

    fields: Annotated[
        list[Literal["title", "tagline", "summary", "category", "tags", "sample_questions"]],
        Meta(min_length=1, max_length=6),
    ]


class PublishBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """``rights_declared``: the creator declares to hold the rights to all of the content."""

    rights_declared: bool


@dataclass
class DocumentForm:
    """A file and the tier it is read in."""

    file: UploadFile
    tier: Tier = "paid"


@dataclass
class FileForm:
    """A file."""

    file: UploadFile


class EditionBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which edition of which work a document is: a date like ``2012-12-28`` as far as it is known, a version
    like ``v2.1``, or both. Two documents that name the same work are editions of it."""

    work: Title
    edition: Annotated[str, Meta(min_length=2, max_length=40)]


class DocumentChanges(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is left out stays as it is."""

    tier: Tier | UnsetType = UNSET
    title: Title | UnsetType = UNSET
    edition: EditionBody | Literal["recognised"] | UnsetType | None = UNSET
    """``null``: an edition of nothing, so never superseded. ``recognised``: as its title and text say."""


ImportKind = Literal["archive", "url", "feed", "wechat_article", "chat_export", "transcript"]
Address = Annotated[str, Meta(min_length=1, max_length=2000)]


class ImportBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """An import from one address or many. A file is sent as ``multipart/form-data``, beside the other fields,
    of which ``urls`` is then a text with one address a line.

    ``follow``: keep the addresses in step (feeds are, unless it says no). ``hide_names``: of a chat, show
    pseudonyms for its speakers' names.
    """

    kind: ImportKind
    url: Address | None = None
    urls: Annotated[list[Address], Meta(min_length=1)] | None = None
    tier: Tier = "paid"
    follow: bool | None = None
    hide_names: bool = False


@dataclass
class ImportForm:
    """The same with a file. ``urls`` holds one address a line."""

    kind: ImportKind
    file: UploadFile | None = None
    url: Address | None = None
    urls: str | None = None
    tier: Tier = "paid"
    follow: bool | None = None
    hide_names: bool = False


Url = Annotated[str, Meta(min_length=8, max_length=2000, pattern=r"^https?://[^\s/?#]+")]


class PlanBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """``once`` is a prepaid pass of ``days``; the others recur, after a trial if there is one."""

    interval: Literal["month", "year", "once"]
    price: Money
    days: int | None = None
    trial_days: int = 0


class PlanChanges(Struct, forbid_unknown_fields=True, kw_only=True):
    """What is left out stays as it is."""

    price: Money | None = None
    trial_days: int | None = None
    status: Literal["active", "archived"] | None = None


class RepriceBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """The least notice there is, if none is named."""

    notice_days: int | None = None


class GrantBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """Access without a sale, until then or until it is taken back."""

    email: Email
    until: Annotated[datetime, Meta(tz=True)] | None = None
    note: Annotated[str, Meta(max_length=500)] | None = None


class PayoutAccountBody(Struct, forbid_unknown_fields=True, kw_only=True):
    """``return_url`` is where the creator comes back to; ``country``: ISO 3166-1, else the platform's."""

    return_url: Url
    country: Country | None = None
