"""Keys derived from the service's secret, and text sealed with them.

Every purpose has its own key, so that what one of them signs or seals is nothing to another.
"""

import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12


class SealBroken(Exception):
    """What was sealed cannot be opened with this key: the secret changed, or the bytes did."""


@lru_cache(maxsize=64)
def derive_key(secret: str, purpose: str) -> bytes:
    """32 bytes that depend on the whole of ``secret`` and on ``purpose``; the same at every start."""
    return derive_from(secret.encode(), purpose)


def derive_from(material: bytes, purpose: str) -> bytes:
    """As ``derive_key``, for material that is not worth remembering."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode()).derive(material)


def seal(key: bytes, plain: bytes, *, bound: bytes) -> bytes:
    """Encrypts ``plain`` so that it opens only with ``key`` and the same ``bound`` context."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound)


def unseal(key: bytes, sealed: bytes, *, bound: bytes) -> bytes:
    """What ``seal`` was given. Raises ``SealBroken``."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound)
    except (InvalidTag, ValueError):
        raise SealBroken("sealed with another key") from None
