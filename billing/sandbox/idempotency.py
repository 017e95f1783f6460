"""Idempotency keys: the same key and parameters get the first answer again."""

import hashlib
import json
from dataclasses import dataclass

from billing.sandbox.errors import ApiError
from billing.sandbox.shape import Body
from billing.sandbox.store import Store


@dataclass(frozen=True)
class Kept:
    """An answer that was given before."""

    status: int
    body: Body
    request_id: str


def fingerprint(method: str, path: str, raw: Body) -> str:
    """Of what was asked: the method, the path and the parameters as sent."""
    text = json.dumps([method, path, raw], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


async def recall(store: Store, key: str, asked: str) -> Kept | None:
    """The answer kept for ``key``. Raises ``ApiError`` 400 ``idempotency_error`` for another question.

    Keys are forgotten after 24 hours, as Stripe does.
    """
    cursor = await store.connection.execute(
        "SELECT fingerprint, status, body, request_id FROM sandbox.idempotency"
        " WHERE account = %s AND key = %s AND created > clock_timestamp() - interval '24 hours'",
        [store.account, key],
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    if row[0] != asked:
        raise ApiError(
            400,
            "Keys for idempotent requests can only be used with the same parameters they were first used"
            f" with. Try using a key other than '{key}' if you meant to execute a different request.",
            type="idempotency_error",
        )
    return Kept(row[1], json.loads(row[2]), row[3])


async def keep(store: Store, key: str, asked: str, kept: Kept) -> None:
    """Stores the answer with the work it belongs to."""
    await store.connection.execute(
        "INSERT INTO sandbox.idempotency (account, key, fingerprint, request_id, status, body)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (account, key) DO UPDATE SET"
        " fingerprint = excluded.fingerprint, request_id = excluded.request_id, status = excluded.status,"
        " body = excluded.body, created = clock_timestamp()",
        [store.account, key, asked, kept.request_id, kept.status, json.dumps(kept.body, ensure_ascii=False)],
    )
