"""An organization's API keys."""

from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.accounts.api_keys import Key, KeyLimits
from service.enterprise_api.schemas import KeySecret, NewKey, Rotation
from service.http.inputs import InvalidInput
from service.http.login import Person
from service.http.paging import Page, PageRequest, paged, position_of
from service.platform.idempotency import Once
from service.platform.ids import new_id
from service.usecases import manage_keys
from service.usecases.context import Context


@post("/organizations/{organization_id:uuid}/keys")
async def create_key(
    organization_id: FromPath[UUID],
    data: JSONBody[NewKey],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
) -> KeySecret:
    """Makes a key. Its secret is in this answer and never shown again."""
    if data.monthly_cap is not None and data.monthly_cap.amount < 0:
        raise InvalidInput(("/monthly_cap/amount", "A cap is not below zero."))
    made = await manage_keys.create_key(
        context,
        key_id=new_id(),
        organization_id=organization_id,
        actor_id=person.account_id,
        limits=KeyLimits(
            name=data.name.strip(),
            scopes=data.scopes,
            knowledge_base_ids=data.knowledge_base_ids,
            monthly_cap=data.monthly_cap,
            rate_limit=data.rate_limit,
            expires_at=data.expires_at,
        ),
        once=once,
    )
    return KeySecret.of(made.key, made.secret)


@get("/organizations/{organization_id:uuid}/keys")
async def list_keys(
    organization_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    page: NamedDependency[PageRequest],
) -> Page[Key]:
    """The organization's keys, revoked ones too, newest first."""
    bound = f"keys {organization_id} {person.account_id}"
    rows = await manage_keys.list_keys(
        context,
        organization_id=organization_id,
        account_id=person.account_id,
        before=position_of(page, bound),
        limit=page.limit + 1,
    )
    return paged(rows, page, bound, position=lambda row: row.id)


@delete("/organizations/{organization_id:uuid}/keys/{key_id:uuid}")
async def delete_key(
    organization_id: FromPath[UUID],
    key_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
) -> None:
    """The key is refused from the next call on."""
    await manage_keys.delete_key(
        context, organization_id=organization_id, actor_id=person.account_id, key_id=key_id
    )


@post("/organizations/{organization_id:uuid}/keys/{key_id:uuid}/rotate", status_code=200)
async def rotate_key(
    organization_id: FromPath[UUID],
    key_id: FromPath[UUID],
    person: NamedDependency[Person],
    context: NamedDependency[Context],
    once: NamedDependency[Once | None],
    data: JSONBody[Rotation | None] = None,
) -> KeySecret:
    """Gives the key a new secret; the old one works for `overlap_seconds` more (none, unless given)."""
    rotated = await manage_keys.rotate_key(
        context,
        organization_id=organization_id,
        actor_id=person.account_id,
        key_id=key_id,
        overlap_seconds=data.overlap_seconds if data else 0,
        once=once,
    )
    return KeySecret.of(rotated.key, rotated.secret)


handlers = [create_key, list_keys, delete_key, rotate_key]
