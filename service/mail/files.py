"""Letters as files, where no server is set: one ``.eml`` each, to be looked at."""

import asyncio
import hashlib
import os
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path

from service.mail.port import MailUnavailable
from service.platform.files import sync_folder


class FileMail:
    """Writes letters into a folder, durably. The same letter twice is one file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, message: EmailMessage, *, to: str) -> None:
        """Raises ``MailUnavailable``."""
        try:
            await asyncio.to_thread(self._write, message)
        except OSError as error:
            raise MailUnavailable(f"the letter could not be written: {error.strerror}") from error

    def _write(self, message: EmailMessage) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Letters sort by when they were written; the rest of the name is the letter's own.
        own = hashlib.sha256(str(message["Message-ID"]).encode()).hexdigest()[:16]
        path = self._folder / f"{message['X-Zhihao-Written']}-{message['X-Zhihao-Letter']}-{own}.eml"
        beside = path.with_suffix(".new")
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(message.as_bytes())
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
        sync_folder(self._folder)


@dataclass(frozen=True)
class WrittenLetter:
    """A letter as it lies in the folder: ``text`` is its plain text, in both languages."""

    path: Path
    written_at: datetime
    to: str
    subject: str
    text: str


def letters_in(folder: Path) -> list[Path]:
    """The letters of a folder, oldest first."""
    return sorted(folder.glob("*.eml"))


def read_letter(path: Path) -> WrittenLetter:
    """The letter that was written to ``path``."""
    message = message_from_bytes(path.read_bytes(), policy=default)
    body = message.get_body(("plain",))
    return WrittenLetter(
        path=path,
        written_at=parsedate_to_datetime(str(message["Date"])),
        to=str(message["To"]),
        subject=str(message["Subject"]),
        text=str(body.get_content()) if body is not None else "",
    )
