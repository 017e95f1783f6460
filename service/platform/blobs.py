"""Files as they were given to us: a local folder, or an S3, GCS or Azure bucket."""

import asyncio
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from service.platform.files import sync_file


class BlobsUnavailable(Exception):
    """The store does not take or give bytes now: its disk is full, or it does not answer."""


class BlobMissing(Exception):
    """No blob is stored under this key."""


class Blobs:
    """Bytes by key. ``put`` returns when they are durable; ``get`` raises ``BlobMissing``.

    All raise ``BlobsUnavailable``.
    """

    def __init__(self, store: ObjectStore, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder

    @classmethod
    def open(cls, url: str, folder: Path) -> "Blobs":
        """The store at ``url``; an empty one means ``folder``, which is made."""
        if url and not url.startswith("file://"):
            return cls(from_url(url))
        folder = Path(unquote(urlsplit(url).path)) if url else folder
        return cls(LocalStore(prefix=folder, mkdir=True), folder)

    async def put(self, key: str, data: bytes) -> None:
        try:
            await obstore.put_async(self._store, key, data)
            if self._folder is not None:
                # A bucket answers when it has the bytes safe; the local store leaves that to us.
                await asyncio.to_thread(sync_file, self._folder / key, root=self._folder)
        except (OSError, BaseError) as error:
            raise BlobsUnavailable(f"{key} could not be stored") from error

    async def get(self, key: str) -> bytes:
        try:
            result = await obstore.get_async(self._store, key)
            return bytes(await result.bytes_async())
        except FileNotFoundError:
            raise BlobMissing(key) from None
        except (OSError, BaseError) as error:
            raise BlobsUnavailable(f"{key} could not be read") from error

    async def delete(self, key: str) -> None:
        """Deletes the blob; one that is not there is as good as deleted."""
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
        except (OSError, BaseError) as error:
            raise BlobsUnavailable(f"{key} could not be deleted") from error
