"""Letters by SMTP: one connection a letter, in a thread, with the standard library's own client."""

import asyncio
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Literal

from service.mail.port import MailRefused, MailUnavailable

PERMANENT = 500


@dataclass(frozen=True)
class SmtpConfig:
    """Where to, how protected, and as whom; with no ``username`` nobody signs in."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    username: str
    password: str = field(repr=False)
    timeout_seconds: float
    tls: ssl.SSLContext | None = None
    """Which certificates are trusted; unset, those of the system."""


class SmtpMail:
    """Hands letters to a server. Never sends a password, or a letter, before TLS that was asked for."""

    def __init__(self, config: SmtpConfig) -> None:
        self._config = config
        self._tls = config.tls or ssl.create_default_context()

    async def send(self, message: EmailMessage, *, to: str) -> None:
        """Raises ``MailUnavailable`` and ``MailRefused``."""
        await asyncio.to_thread(self._send, message, to)

    def _send(self, message: EmailMessage, to: str) -> None:
        try:
            with self._connected() as server:
                server.send_message(message, parseaddr(str(message["From"]))[1], [to])
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            raise _refusal(code, said) from None
        except smtplib.SMTPAuthenticationError as error:
            # Ours to mend, and then the letter goes.
            raise MailUnavailable(f"the server does not sign us in: {error.smtp_code}") from None
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code, error.smtp_error) from None
        except smtplib.SMTPNotSupportedError as error:
            raise MailRefused(str(error)) from None
        except (OSError, smtplib.SMTPException) as error:
            raise MailUnavailable(f"{type(error).__name__}: {error}") from None

    def _connected(self) -> smtplib.SMTP:
        config = self._config
        if config.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                config.host, config.port, timeout=config.timeout_seconds, context=self._tls
            )
        else:
            server = smtplib.SMTP(config.host, config.port, timeout=config.timeout_seconds)
        try:
            if config.security == "starttls":
                server.starttls(context=self._tls)
            if config.username:
                server.login(config.username, config.password)
        except BaseException:
            server.close()
            raise
        return server


def _refusal(code: int, said: bytes | str) -> MailRefused | MailUnavailable:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    kind = MailRefused if code >= PERMANENT else MailUnavailable
    return kind(f"{code} {text}"[:500])
