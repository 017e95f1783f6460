"""What sends a letter."""

from email.message import EmailMessage
from typing import Protocol


class MailUnavailable(Exception):
    """Nobody takes letters now: tried again later."""


class MailRefused(Exception):
    """This letter will not be taken, however often it is tried."""


class Mail(Protocol):
    """A way out for letters. The same letter may be handed over twice; its Message-ID tells."""

    async def send(self, message: EmailMessage, *, to: str) -> None:
        """Returns when the other side has it safe. Raises ``MailUnavailable`` and ``MailRefused``."""
        ...
