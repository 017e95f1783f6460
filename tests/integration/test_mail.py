"""Letters: written with what they are about, sent once it is committed, put off, given up, told once."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from rich.console import Console

from service.accounts import people
from service.commands import show_letters
from service.mail import letters
from service.mail.files import FileMail, letters_in
from service.mail.letters import Fact, Letter
from service.mail.port import Mail, MailRefused, MailUnavailable
from service.mail.smtp import SmtpConfig, SmtpMail
from service.platform.database import Database, zhihao_now
from service.platform.ids import new_id
from service.usecases.context import Context
from service.usecases.erase_account import erase_account
from service.usecases.send_letters import send_letters
from tests.integration.certificates import self_signed
from tests.integration.serving import SETTINGS, bare_context

FACTS: Mapping[str, Fact] = {"title": "論語", "amount": 990, "currency": "cny"}


@dataclass
class Post:
    """A server of mail for tests. ``says`` maps a command's first word to the answer it is given."""

    says: dict[str, str] = field(default_factory=dict)
    taken: list[tuple[list[str], bytes]] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    port: int = 0
    tls: ssl.SSLContext | None = None

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipients: list[str] = []

        def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")

        say(self.says.get("CONNECT", "220 post.example"))
        try:
            while line := (await reader.readline()).decode().strip():
                word = line.split()[0].upper()
                self.heard.append(line)
                if word in self.says:
                    say(self.says[word])
                elif word == "EHLO":
                    offers = ["post.example", "AUTH PLAIN", *(["STARTTLS"] if self.tls else [])]
                    for offer in offers:
                        say(f"250-{offer}")
                    say("250 8BITMIME")
                elif word == "STARTTLS":
                    say("220 go on")
                    await writer.start_tls(self.tls)  # type: ignore[arg-type]  # offered only with a context
                elif word == "AUTH":
                    say("235 welcome")
                elif word == "RCPT":
                    recipients.append(line.partition(":")[2].strip("<>"))
                    say("250 yes")
                elif word == "DATA":
                    say("354 go on")
                    body = await reader.readuntil(b"\r\n.\r\n")
                    self.taken.append((recipients, body.removesuffix(b".\r\n")))
                    say("250 taken")
                elif word == "QUIT":
                    say("221 bye")
                    break
                else:
                    say("250 yes")
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    def message(self) -> EmailMessage:
        return message_from_bytes(self.taken[-1][1], policy=default)


@asynccontextmanager
async def post_open(tls: ssl.SSLContext | None = None, **says: str) -> AsyncIterator[Post]:
    post = Post(says=says, tls=tls)
    server = await asyncio.start_server(post.handle, "127.0.0.1", 0)
    post.port = server.sockets[0].getsockname()[1]
    try:
        yield post
    finally:
        server.close()


def smtp(post: Post, **changes: Any) -> SmtpMail:
    config = SmtpConfig(
        host="localhost", port=post.port, security="none", username="", password="", timeout_seconds=5
    )
    return SmtpMail(replace(config, **changes))


class Desk:
    """An account, and the worker's job at hand."""

    def __init__(self, context: Context, account_id: UUID) -> None:
        self.context, self.account_id = context, account_id

    async def write(self, letter: Letter = "receipt", key: str = "receipt:1", **facts: Any) -> None:
        async with self.context.database.transaction() as session:
            await letters.write(session, letter, account_id=self.account_id, key=key, facts=facts or FACTS)

    async def send(self, mail: Mail | None = None) -> None:
        await send_letters(replace(self.context, mail=mail or self.context.mail))

    async def rows(self) -> list[Any]:
        async with self.context.database.reading() as connection:
            return list((await connection.execute(sa.text("SELECT * FROM letter ORDER BY id"))).all())

    async def execute(self, statement: str) -> None:
        async with self.context.database.transaction() as session:
            await session.execute(sa.text(statement))


@pytest.fixture
async def desk(database: Database, tmp_path: Path) -> Desk:
    account_id = new_id()
    async with database.transaction() as session:
        await people.create(
            session,
            account_id=account_id,
            email="reader@example.com",
            display_name="讀者",
            password_hash=None,
            now=await zhihao_now(session),
        )
    return Desk(bare_context(database, SETTINGS, mail=FileMail(tmp_path / "mail")), account_id)


async def test_a_letter_becomes_a_file_where_no_server_is_set(desk: Desk, tmp_path: Path) -> None:
    await desk.write()
    await desk.write(key="receipt:2")
    await desk.send()
    first, _ = letters_in(tmp_path / "mail")
    message = message_from_bytes(first.read_bytes(), policy=default)
    assert message["To"] == "讀者 <reader@example.com>"
    assert message["Subject"] == "收据：論語 / Receipt: 論語"
    assert first.stat().st_mode & 0o077 == 0
    assert [row.state for row in await desk.rows()] == ["sent", "sent"]


async def test_whoever_runs_the_service_reads_what_was_written(desk: Desk, tmp_path: Path) -> None:
    await desk.write()
    await desk.write(key="receipt:2")
    await desk.send()
    settings = desk.context.settings.model_copy(update={"data_dir": tmp_path})
    said = Console(file=StringIO(), width=200)
    show_letters(settings, said, to="READER@", last=1, whole=True)
    told = said.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO of above
    assert "讀者 <reader@example.com>  收据：論語 / Receipt: 論語" in told
    assert "9.90 CNY" in told
    assert f"1 of 2 letters, in {tmp_path / 'mail'}" in told
    show_letters(settings, said, to="another", last=9, whole=False)
    assert "0 of 0 letters" in said.file.getvalue()  # type: ignore[attr-defined]  # as above


async def test_the_same_key_is_written_and_sent_once(desk: Desk, tmp_path: Path) -> None:
    await desk.write()
    await desk.write()
    await desk.send()
    await desk.write()
    await asyncio.gather(desk.send(), desk.send())
    assert len(letters_in(tmp_path / "mail")) == 1
    jobs = sa.text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'send_letters'")
    async with desk.context.database.reading() as connection:
        assert (await connection.execute(jobs)).scalar_one() == 1


async def test_a_letter_of_a_transaction_that_fails_is_never_sent(desk: Desk, tmp_path: Path) -> None:
    async def fails() -> None:
        async with desk.context.database.transaction() as session:
            await letters.write(session, "receipt", account_id=desk.account_id, key="k", facts=FACTS)
            raise RuntimeError("the sale failed")

    with pytest.raises(RuntimeError):
        await fails()
    await desk.send()
    assert letters_in(tmp_path / "mail") == []


async def test_a_letter_goes_out_by_smtp(desk: Desk) -> None:
    async with post_open() as post:
        await desk.write()
        await desk.send(smtp(post))
        ((recipients, _),) = post.taken
        assert recipients == ["reader@example.com"]
        assert post.message()["Message-ID"].endswith("@127.0.0.1>")
        assert not any(line.startswith("AUTH") for line in post.heard)


async def test_a_password_is_sent_only_after_tls_with_a_certificate_that_is_trusted(
    desk: Desk, tmp_path: Path
) -> None:
    key, certificate = self_signed("localhost", tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    trusting = ssl.create_default_context(cafile=str(certificate))
    wanted = {"security": "starttls", "username": "zhihao", "password": "secret"}
    await desk.write()
    async with post_open(server) as post:
        await desk.send(smtp(post, **wanted))
        assert post.taken == []
        assert not any(line.startswith("AUTH") for line in post.heard), "the certificate is not trusted"
    async with post_open() as bare:
        await desk.execute("UPDATE letter SET next_at = now()")
        await desk.send(smtp(bare, **wanted))
        assert not any(line.startswith("AUTH") for line in bare.heard), "the server offers no TLS"
    async with post_open(server) as post:
        await desk.execute("UPDATE letter SET next_at = now(), state = 'waiting'")
        await desk.send(smtp(post, tls=trusting, **wanted))
        assert len(post.taken) == 1
        assert any(line.startswith("AUTH") for line in post.heard)


async def test_a_letter_is_put_off_while_the_server_is_away_and_then_sent(desk: Desk) -> None:
    await desk.write()
    async with post_open() as post:
        gone = smtp(post)
    await desk.send(gone)
    (row,) = await desk.rows()
    assert (row.state, row.attempts) == ("waiting", 1)
    async with post_open(RCPT="451 later") as busy:
        await desk.execute("UPDATE letter SET next_at = now()")
        await desk.send(smtp(busy))
    (row,) = await desk.rows()
    assert (row.state, row.attempts, row.error) == ("waiting", 2, "451 later")
    async with post_open() as post:
        await desk.send(smtp(post))
        assert post.taken == [], "not before its time"
        await desk.execute("UPDATE letter SET next_at = now()")
        await desk.send(smtp(post))
        assert len(post.taken) == 1


async def test_a_letter_nobody_will_ever_take_is_given_up_at_once(desk: Desk) -> None:
    async with post_open(RCPT="550 no such person") as post:
        await desk.write()
        await desk.send(smtp(post))
    (row,) = await desk.rows()
    assert (row.state, row.error) == ("dead", "550 no such person")


async def test_a_letter_is_given_up_after_its_last_try(desk: Desk) -> None:
    class Away:
        async def send(self, message: EmailMessage, *, to: str) -> None:
            raise MailUnavailable("away")

    await desk.write()
    for _ in range(desk.context.settings.mail_max_attempts):
        await desk.execute("UPDATE letter SET next_at = now()")
        await desk.send(Away())
    (row,) = await desk.rows()
    assert (row.state, row.attempts) == ("dead", desk.context.settings.mail_max_attempts)


async def test_one_letter_that_fails_keeps_no_other_waiting(desk: Desk, tmp_path: Path) -> None:
    class Picky(FileMail):
        async def send(self, message: EmailMessage, *, to: str) -> None:
            if message["Message-ID"] == refused["Message-ID"]:
                raise MailRefused("not this one")
            await super().send(message, to=to)

    refused = {"Message-ID": ""}
    await desk.write(key="first")
    await desk.send()
    for path in letters_in(tmp_path / "mail"):
        refused["Message-ID"] = message_from_bytes(path.read_bytes(), policy=default)["Message-ID"]
        path.unlink()
    await desk.execute("UPDATE letter SET state = 'waiting', next_at = now()")
    for number in range(9):
        await desk.write(key=f"other:{number}")
    await desk.send(Picky(tmp_path / "mail"))
    assert len(letters_in(tmp_path / "mail")) == 9


async def test_nobody_suspended_or_erased_is_written_to(desk: Desk, tmp_path: Path) -> None:
    await desk.write()
    await desk.execute("UPDATE account SET suspended_at = now()")
    await desk.send()
    (row,) = await desk.rows()
    assert (row.state, row.facts) == ("dropped", {})
    await desk.execute("UPDATE account SET suspended_at = NULL")
    await desk.write(key="another")
    await erase_account(desk.context, account_id=desk.account_id)
    assert await desk.rows() == []
    await desk.write(key="after")
    await desk.send()
    assert [row.state for row in await desk.rows()] == ["dropped"]
    assert letters_in(tmp_path / "mail") == []


async def test_what_opens_a_door_is_forgotten_once_it_is_sent(desk: Desk) -> None:
    await desk.write("password_reset", key="reset:1", url="https://zhihao.example/reset?token=secret")
    await desk.send()
    assert [(row.state, row.facts) for row in await desk.rows()] == [("sent", {})]


async def test_what_a_dead_worker_was_sending_is_sent_by_the_next(desk: Desk, tmp_path: Path) -> None:
    started = asyncio.Event()

    class Hangs:
        async def send(self, message: EmailMessage, *, to: str) -> None:
            started.set()
            await asyncio.sleep(30)

    await desk.write()
    dying = asyncio.create_task(desk.send(Hangs()))
    await started.wait()
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    await desk.send()
    assert letters_in(tmp_path / "mail") == [], "its claim has not run out"
    await desk.execute("UPDATE letter SET next_at = now()")
    await desk.send()
    assert len(letters_in(tmp_path / "mail")) == 1
