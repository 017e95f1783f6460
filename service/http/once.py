"""The ``Idempotency-Key`` header: the dependency ``once``."""

import hashlib
from typing import Any

import msgspec
from litestar import Request
from litestar.datastructures import UploadFile

from service.http.inputs import InvalidInput
from service.http.keys import KeyCredential
from service.http.login import Connection, Person, context_of
from service.platform.idempotency import Once
from service.platform.sealing import derive_from

HEADER = "Idempotency-Key"
LONGEST = 255
CHUNK = 1024 * 1024


async def find_once(request: Request[Any, Any, Any]) -> Once | None:
    """What makes a repeated request the same one; ``None`` when the caller sent no key.

    The fingerprint is of the decoded body (so that spacing and the order of fields do not matter), or of a
    form's fields with the SHA-256 of each file, and of the path and query it was sent to.
    Raises ``InvalidInput`` for a key that is not 1 to 255 printable ASCII characters.
    """
    key = request.headers.get(HEADER.lower())
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST or not key.isascii() or not key.isprintable():
        raise InvalidInput((HEADER, f"must be 1 to {LONGEST} printable ASCII characters"))
    settings = context_of(request).settings
    secret = settings.secret_key.get_secret_value()
    return Once(
        principal=principal_of(request),
        route=f"{request.method} {request.scope['path_template']}",
        key=key,
        fingerprint=await fingerprint(request),
        sealing_key=derive_from(f"{secret}\0{key}".encode(), "idempotency"),
        lease_seconds=settings.idempotency_lease_seconds,
        kept_hours=settings.idempotency_hours,
    )


def principal_of(connection: Connection) -> str:
    """Who the request is by, as the guard found out."""
    state = connection.scope["state"]
    credential: KeyCredential | None = state.get("credential")
    visitor: Person | None = state.get("visitor")
    if credential is not None:
        return f"key:{credential.secret_hash.hex()}"
    return "anonymous" if visitor is None else f"account:{visitor.account_id}"


async def fingerprint(request: Request[Any, Any, Any]) -> bytes:
    """SHA-256 of what was asked."""
    digest = hashlib.sha256(request.url.path.encode() + b"?" + request.url.query.encode() + b"\n")
    if request.content_type[0].startswith("multipart/"):
        for name, value in sorted((await request.form()).multi_items(), key=lambda item: item[0]):
            digest.update(msgspec.json.encode([name, await _summary(value)]))
    elif await request.body():
        try:
            digest.update(msgspec.json.encode(await request.json(), order="sorted"))
        except Exception:  # a body that is no JSON is what it is, byte for byte
            digest.update(await request.body())
    return digest.digest()


async def _summary(value: Any) -> list[Any]:
    if not isinstance(value, UploadFile):
        return ["text", value]
    digest = hashlib.sha256()
    await value.seek(0)
    while chunk := await value.read(CHUNK):
        digest.update(chunk)
    await value.seek(0)
    return ["file", value.filename, digest.hexdigest()]
