"""Access tokens: signed, short-lived, bound to a login session.

The signing key comes from the service's secret, so tokens outlive a restart. Whether one has expired is not
decided here: the database's clock does, in the same query that asks whether the session still lives.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from service.platform.sealing import derive_key

ALGORITHM = "HS256"
AUDIENCE = "zhihao"
MAX_LENGTH = 2048


class NotSignedIn(Exception):
    """No access token, or one that is malformed, forged, expired, or of a session that has ended."""

    headers = {"WWW-Authenticate": "Bearer"}  # noqa: RUF012 -- read-only, as Exception's own attributes are


@dataclass(frozen=True)
class AccessToken:
    """What a token says. ``expires_at`` is in seconds since 1970."""

    account_id: UUID
    session_id: UUID
    expires_at: int


def sign(secret: str, token: AccessToken) -> str:
    """The token as it travels."""
    key, kid = _key(secret)
    claims = {
        "sub": str(token.account_id),
        "sid": str(token.session_id),
        "aud": AUDIENCE,
        "exp": token.expires_at,
    }
    return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt", "kid": kid}, claims, key)


def verify(secret: str, encoded: str) -> AccessToken:
    """Reads a token whose signature is ours. Raises ``NotSignedIn``. Does not look at any clock."""
    if len(encoded) > MAX_LENGTH:
        raise NotSignedIn("The access token is malformed.")
    key, kid = _key(secret)
    try:
        token = jwt.decode(encoded, key, algorithms=[ALGORITHM])
        claims = token.claims
        if token.header.get("kid") != kid or claims.get("aud") != AUDIENCE:
            raise NotSignedIn("The access token is not one of this service.")
        expires_at = claims["exp"]
        if type(expires_at) is not int:
            raise NotSignedIn("The access token is malformed.")
        return AccessToken(UUID(claims["sub"]), UUID(claims["sid"]), expires_at)
    except (JoseError, KeyError, ValueError, TypeError, AttributeError):
        raise NotSignedIn("The access token is malformed or was signed with another key.") from None


@lru_cache(maxsize=4)
def _key(secret: str) -> tuple[OctKey, str]:
    """The key and its id, the same for every request: making them takes longer than verifying a token."""
    material = derive_key(secret, "access-token")
    return OctKey.import_key(material), hashlib.sha256(material).hexdigest()[:16]
