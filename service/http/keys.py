"""Which program asks: the dependency ``credential``."""

from dataclasses import dataclass

from service.accounts.secrets import MalformedSecret, mode_of, secret_hash
from service.http.login import Connection, bearer


class KeyMissing(Exception):
    """No API key was sent, or none that this service ever made."""

    headers = {"WWW-Authenticate": "Bearer"}  # noqa: RUF012 -- read-only, as Exception's own attributes are


@dataclass(frozen=True)
class KeyCredential:
    """A key whose form and check are right. Whether it lives is the gate's to say."""

    secret_hash: bytes
    mode: str


def find_credential(connection: Connection) -> KeyCredential:
    """The key that was sent, told from an invented one by its check: no query. Raises ``KeyMissing``."""
    state = connection.scope["state"]
    if "credential" not in state:
        secret = bearer(connection)
        if secret is None:
            raise KeyMissing("Send an API key: Authorization: Bearer zh_live_…")
        try:
            state["credential"] = KeyCredential(mode=mode_of(secret), secret_hash=secret_hash(secret))
        except MalformedSecret:
            raise KeyMissing("This is not an API key of this service.") from None
    credential: KeyCredential = state["credential"]
    return credential
