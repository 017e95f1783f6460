"""Objects as rows, read and written inside one request's transaction, with the events they cause."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from billing.sandbox.config import API_VERSION, Config, Endpoint
from billing.sandbox.errors import invalid, missing_object
from billing.sandbox.rules import Rules
from billing.sandbox.shape import Body, build, changes, list_of, new_id, public


@dataclass(frozen=True)
class Origin:
    """The request that causes events; pages and the clock have none."""

    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True)
class Store:
    """One account's objects, seen from one transaction at one moment ``now`` (the sandbox's seconds)."""

    connection: AsyncConnection[Any]
    config: Config
    account: str
    now: int
    origin: Origin = field(default_factory=Origin)
    rules: Rules = field(default_factory=Rules)

    def at(self, now: int) -> "Store":
        """The same objects at another moment: a test clock's."""
        return replace(self, now=now)

    def of(self, account: str) -> "Store":
        """Another account's objects, in the same transaction."""
        return replace(self, account=account)

    async def find(self, id: str, kind: str | None = None) -> Body | None:
        """The object, or None; with ``kind`` only of that type."""
        cursor = await self.connection.execute(
            "SELECT body FROM sandbox.object WHERE account = %s AND id = %s AND type = coalesce(%s, type)",
            [self.account, id, kind],
        )
        row = await cursor.fetchone()
        return None if row is None else row[0]

    async def get(self, id: str, kind: str, param: str = "id") -> Body:
        """The object. Raises ``ApiError`` 404 ``resource_missing``."""
        found = await self.find(id, kind)
        if found is None:
            raise missing_object(kind.rpartition(".")[2], id, param)
        return found

    async def put(self, body: Body) -> Body:
        """Writes the object as it is now.

        ``_due`` is when the timeline looks at it next, ``_clock`` the test clock it lives by.
        """
        await self.connection.execute(
            "INSERT INTO sandbox.object (account, id, type, created, body, due, clock)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (account, id) DO UPDATE SET"
            " body = excluded.body, due = excluded.due, clock = excluded.clock",
            [
                *(
                    self.account,
                    body["id"],
                    body["object"],
                    body.get("_created") or body.get("created") or self.now,
                ),
                *(Jsonb(body), body.get("_due"), body.get("_clock")),
            ],
        )
        return body

    async def remove(self, id: str) -> None:
        """Forgets the object."""
        await self.connection.execute(
            "DELETE FROM sandbox.object WHERE account = %s AND id = %s", [self.account, id]
        )

    async def select(self, kind: str, **match: Any) -> list[Body]:
        """Every object of the type whose fields equal ``match``, oldest first."""
        cursor = await self.connection.execute(
            "SELECT body FROM sandbox.object WHERE account = %s AND type = %s AND body @> %s ORDER BY seq",
            [self.account, kind, Jsonb(match)],
        )
        return [row[0] for row in await cursor.fetchall()]

    async def page(
        self, kind: str, params: Body, url: str, *, types: list[str] | None = None, **match: Any
    ) -> Body:
        """A list's page, newest first: ``limit``, ``starting_after``, ``ending_before``, ``created``.

        ``types`` are words one of which the field ``type`` must be.
        """
        limit = params.get("limit", 10)
        if not 1 <= limit <= 100:
            raise invalid("Invalid integer: limit must be between 1 and 100.", param="limit")
        backwards = "ending_before" in params
        words = ["account = %s", "type = %s", "body @> %s"]
        values: list[object] = [self.account, kind, Jsonb(match)]
        cursor_id = params.get("ending_before") or params.get("starting_after")
        if cursor_id:
            param = "ending_before" if backwards else "starting_after"
            await self.get(cursor_id, kind, param)
            anchor = "(SELECT seq FROM sandbox.object WHERE account = %s AND id = %s)"
            words.append(f"seq > {anchor}" if backwards else f"seq < {anchor}")
            values += [self.account, cursor_id]
        if types is not None:
            words.append("body->>'type' = ANY(%s)")
            values.append(types)
        created = params.get("created")
        for name, sign in (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<=")):
            if isinstance(created, dict) and name in created:
                words.append(f"created {sign} %s")
                values.append(created[name])
        if isinstance(created, int):
            words.append("created = %s")
            values.append(created)
        cursor = await self.connection.execute(
            f"SELECT body FROM sandbox.object WHERE {' AND '.join(words)}"  # noqa: S608 - fixed words only
            f" ORDER BY seq {'ASC' if backwards else 'DESC'} LIMIT {limit + 1}",
            values,
        )
        rows = [row[0] for row in await cursor.fetchall()]
        kept = rows[:limit]
        return list_of(kept[::-1] if backwards else kept, url, has_more=len(rows) > limit)

    # -- events ---------------------------------------------------------------------------------------

    async def created(self, body: Body) -> Body:
        """Writes a new object and says so by ``<type>.created``."""
        await self.put(body)
        await self.emit(f"{_noun(body)}.created", body)
        return body

    async def changed(self, before: Body, after: Body, event: str | None = None) -> Body:
        """Writes the object and, when it differs, says so by ``<type>.updated`` or ``event``."""
        await self.put(after)
        if previous := changes(before, after):
            await self.emit(event or f"{_noun(after)}.updated", after, previous)
        return after

    async def emit(
        self, type: str, body: Body, previous: Body | None = None, *, account: str | None = None
    ) -> Body:
        """Writes the event, and a delivery for each endpoint that wants it, in this transaction.

        ``account`` is the connected account that the event is about.
        """
        data: Body = {"object": public(body)}
        if previous is not None:
            data["previous_attributes"] = public(previous)
        wanted = [one for one in await self.endpoints() if not one.thin and _wants(one, type)]
        event = build(
            "event",
            id=new_id("evt"),
            api_version=API_VERSION,
            created=self.now,
            data=data,
            livemode=False,
            pending_webhooks=len(wanted),
            request={"id": self.origin.request_id, "idempotency_key": self.origin.idempotency_key},
            type=type,
        )
        del event["context"]
        if account or self.account:
            event["account"] = account or self.account
        await self.put(event)
        for endpoint in wanted:
            await self._enqueue(endpoint, event["id"], event)
        return event

    async def notify(self, type: str, body: Body, *, only: str | None = None) -> Body:
        """Writes a v2 event, and sends its thin notification to the endpoints that take those, or to one."""
        event = {
            "object": "v2.core.event",
            "id": new_id("evt"),
            "type": type,
            "livemode": False,
            **dict.fromkeys(("changes", "context", "reason", "snapshot_event")),
            **body,
        }
        await self.put({**event, "_created": self.now})
        thin = {key: value for key, value in event.items() if key != "data"}
        for endpoint in await self.endpoints():
            if endpoint.id == only or (only is None and endpoint.thin and _wants(endpoint, type)):
                await self._enqueue(endpoint, event["id"], thin)
        return event

    async def endpoints(self) -> list[Endpoint]:
        """Where events go: what the sandbox was started with, and what was created through the API."""
        cursor = await self.connection.execute(
            "SELECT body FROM sandbox.object WHERE account = '' AND type = ANY(%s) ORDER BY seq",
            [["webhook_endpoint", "v2.core.event_destination"]],
        )
        made = [row[0] for row in await cursor.fetchall()]
        return [
            *self.config.endpoints,
            *(
                Endpoint(one["_url"], one["_secret"], tuple(one["enabled_events"]), one["_thin"], one["id"])
                for one in made
                if one["status"] == "enabled"
            ),
        ]

    async def forget_deliveries(self, endpoint: str) -> None:
        """What waits for this endpoint is not sent any more."""
        await self.connection.execute(
            "DELETE FROM sandbox.delivery WHERE endpoint = %s AND delivered IS NULL", [endpoint]
        )

    async def _enqueue(self, endpoint: Endpoint, event_id: str, payload: Body) -> None:
        text = json.dumps(public(payload), ensure_ascii=False, indent=2)
        await self.connection.execute(
            "INSERT INTO sandbox.delivery (account, event_id, url, secret, payload, endpoint)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [self.account, event_id, endpoint.url, endpoint.secret, text, endpoint.id],
        )


def _noun(body: Body) -> str:
    """What an object's events are called after."""
    name: str = body["object"]
    return {
        "subscription": "customer.subscription",
        "dispute": "charge.dispute",
    }.get(name, name)


def _wants(endpoint: Endpoint, type: str) -> bool:
    return "*" in endpoint.enabled or type in endpoint.enabled
