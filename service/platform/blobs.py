"""Files as they were given to us: a local folder, or an S3, GCS or Azure bucket."""

from pathlib import Path

import obstore
from obstore.store import LocalStore, ObjectStore, from_url


class BlobMissing(Exception):
    """No blob is stored under this key."""


class Blobs:
    """Bytes by key. ``put`` returns when they are durable; ``get`` raises ``BlobMissing``."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    def open(cls, url: str, folder: Path) -> "Blobs":
        """The store at ``url``; an empty one means ``folder``, which is made."""
        return cls(from_url(url) if url else LocalStore(prefix=folder, mkdir=True))

    async def put(self, key: str, data: bytes) -> None:
        await obstore.put_async(self._store, key, data)

    async def get(self, key: str) -> bytes:
        try:
            result = await obstore.get_async(self._store, key)
        except FileNotFoundError:
            raise BlobMissing(key) from None
        return bytes(await result.bytes_async())

    async def delete(self, key: str) -> None:
        """Deletes the blob; one that is not there is as good as deleted."""
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
