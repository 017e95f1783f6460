"""Completes the settings where they are unset: an embedded database, secrets of one's own, remembered ports.

All of it lives in the data folder, so that a second start finds it again.
"""

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from service.platform.files import locked, sync_folder
from service.platform.postgres import EmbeddedPostgres
from service.platform.processes import free_port
from service.platform.settings import Settings

SANDBOX_KEY = "sk_test_sandbox"
"""The sandbox takes any test key; this one says what it is."""

DEFAULT_SECRETS = frozenset({"", "change-me"})


class DataFolderUnusable(Exception):
    """The data folder is no folder, or not ours to write; the message says which and why."""


class UnsafeSettings(Exception):
    """``ZHIHAO_ENV=production`` and something that must not be embedded, a default or a stand-in."""


@dataclass(frozen=True)
class Completed:
    """Settings with nothing left unset that a process needs, and the server to leave at the end."""

    settings: Settings
    postgres: EmbeddedPostgres | None

    def environment(self) -> dict[str, str]:
        """What a child process needs in its environment to come to the same settings."""
        settings = self.settings
        return {
            "ZHIHAO_DATA_DIR": str(settings.data_dir),
            "ZHIHAO_DATABASE_URL": settings.database_url,
            "ZHIHAO_SECRET_KEY": settings.secret_key.get_secret_value(),
            "ZHIHAO_PUBLIC_URL": settings.public_url,
            "ZHIHAO_STRIPE_API_KEY": settings.stripe_api_key.get_secret_value(),
            "ZHIHAO_STRIPE_API_BASE": settings.stripe_api_base,
            "ZHIHAO_STRIPE_WEBHOOK_SECRETS": settings.stripe_webhook_secrets.get_secret_value(),
        }


def refuse_unsafe(settings: Settings) -> None:
    """Raises ``UnsafeSettings`` naming everything that production may not run on."""
    if settings.env != "production":
        return
    wrong = []
    if settings.embedded_database:
        wrong.append("ZHIHAO_DATABASE_URL is unset: the database would be the embedded one")
    if settings.secret_key.get_secret_value() in DEFAULT_SECRETS:
        wrong.append("ZHIHAO_SECRET_KEY is unset or a default")
    if not settings.stripe_api_key.get_secret_value():
        wrong.append("ZHIHAO_STRIPE_API_KEY is unset: payments would go to the sandbox")
    if settings.stripe_api_base:
        wrong.append("ZHIHAO_STRIPE_API_BASE is set: payments would go to a stand-in for Stripe")
    if not settings.webhook_secrets:
        wrong.append("ZHIHAO_STRIPE_WEBHOOK_SECRETS is unset")
    if settings.egress_allow_loopback:
        wrong.append("ZHIHAO_EGRESS_ALLOW_LOOPBACK is set: strangers could have this machine call itself")
    wrong += [
        f"ZHIHAO_OIDC_PROVIDERS: the issuer of {provider.name} is not https"
        for provider in settings.oidc.values()
        if not provider.issuer.startswith("https:")
    ]
    if wrong:
        raise UnsafeSettings("; ".join(wrong) + ".")


def complete(settings: Settings) -> Completed:
    """Starts or joins what is embedded and fills what is unset.

    Raises ``UnsafeSettings``, ``DataFolderUnusable`` or ``EmbeddedPostgresError``. The caller leaves
    ``postgres`` when it is done.
    """
    refuse_unsafe(settings)
    folder = own_folder(settings.data_dir)
    kept = _remembered(folder)
    update: dict[str, Any] = {"data_dir": folder}
    if not settings.secret_key.get_secret_value():
        update["secret_key"] = SecretStr(kept["secret_key"])
    if settings.sandbox and not settings.stripe_api_base:
        update["stripe_api_key"] = SecretStr(SANDBOX_KEY)
        update["stripe_api_base"] = f"http://127.0.0.1:{kept['sandbox_port']}"
        update["stripe_webhook_secrets"] = SecretStr(
            f"{kept['webhook_secret']},{kept['thin_webhook_secret']}"
        )
    postgres = None
    if settings.embedded_database:
        postgres = EmbeddedPostgres(folder, version=settings.postgres_version)
        update["database_url"] = postgres.start()
    return Completed(settings.model_copy(update=update), postgres)


def own_folder(path: Path) -> Path:
    """The data folder, absolute. One that is made here is this user's alone: texts and secrets lie in it.

    Raises ``DataFolderUnusable``.
    """
    folder = path.resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise DataFolderUnusable(f"{folder} cannot be the data folder: {error.strerror}.") from None
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise DataFolderUnusable(f"{folder} cannot be the data folder: this user may not write there.")
    return folder


def remember(folder: Path, **changes: Any) -> dict[str, Any]:
    """Changes what is remembered in the data folder, durably and readable by this user only."""
    with locked(folder / "embedded.lock"):
        return _changed(folder, lambda known: changes)


def _changed(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """What is remembered after ``change``, under the lock that the caller holds."""
    path = folder / "embedded.json"
    known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    changes = change(known)
    if not changes:
        return known
    known |= changes
    beside = path.with_suffix(".new")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(known, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    sync_folder(folder)
    return known


def _remembered(folder: Path) -> dict[str, Any]:
    fresh: dict[str, Callable[[], object]] = {
        "secret_key": lambda: secrets.token_urlsafe(32),
        "webhook_secret": lambda: f"whsec_{secrets.token_hex(24)}",
        "thin_webhook_secret": lambda: f"whsec_{secrets.token_hex(24)}",
        "sandbox_port": free_port,
    }
    with locked(folder / "embedded.lock"):
        return _changed(
            folder, lambda known: {name: make() for name, make in fresh.items() if name not in known}
        )
