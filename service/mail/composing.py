"""A letter as a message: Chinese first, then English, as plain text and as simple HTML.

An account has no language of its own, so both are in it. Facts come from people: nothing in them can add a
header, a recipient or markup. All letters here belong to a purchase or an account; none is advertising, so
none offers to unsubscribe.
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from string import Formatter
from urllib.parse import urlsplit

from billing.money import Money
from service.mail.letters import Fact, Letter
from service.mail.texts import TEXTS, Line

LONGEST_SUBJECT = 150
LONGEST_NAME = 60

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ADDRESS = re.compile(r"[^\s@<>\x00-\x1f\x7f]+@[^\s@<>\x00-\x1f\x7f]+")
_AMOUNTS = {"money": "amount", "old_money": "old_amount", "tax_money": "tax", "cap_money": "cap"}


def compose(
    letter: Letter,
    *,
    key: str,
    facts: Mapping[str, Fact],
    to: str,
    name: str,
    sender: str,
    public_url: str,
    at: datetime,
) -> EmailMessage:
    """The message. ``key`` makes its Message-ID, the same at every try; ``at`` is when it was written.

    Raises ``ValueError`` for an address that is none.
    """
    text = TEXTS[letter]
    shown = _shown(facts)
    subject = " / ".join(_one_line(said) for said in _said(text.subject, shown) or ("知號", "Zhihao"))
    greeting: Line = ("您好，{name}：", "Hello {name},") if name.strip() else ("您好：", "Hello,")
    shown["name"] = _one_line(name)[:LONGEST_NAME]
    lines = [found for line in (greeting, *text.lines) if (found := _said(line, shown))]
    closing = ("知號", "Zhihao")
    chinese, english = ([*(each[side] for each in lines), closing[side]] for side in (0, 1))

    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject[:LONGEST_SUBJECT]
    message["From"] = sender
    message["To"] = _address(to, shown["name"])
    message["Date"] = at.astimezone(UTC)
    host = urlsplit(public_url).hostname or "localhost"
    message["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{host}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Zhihao-Letter"] = letter
    message["X-Zhihao-Written"] = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    message.set_content("\n\n".join(chinese) + "\n\n---\n\n" + "\n\n".join(english) + "\n")
    message.add_alternative(_page(chinese, english), subtype="html")
    return message


def _shown(facts: Mapping[str, Fact]) -> dict[str, str]:
    """Facts as text, amounts as money, moments as days."""
    shown = {name: _CONTROL.sub(" ", str(value)) for name, value in facts.items() if value is not None}
    currency = facts.get("currency")
    for money, amount in _AMOUNTS.items():
        value = facts.get(amount)
        if isinstance(value, int) and isinstance(currency, str):
            shown[money] = str(Money(value, currency))
    for name, value in facts.items():
        if isinstance(value, str) and (day := _day(value)) is not None:
            shown[f"{name}_day"] = day
    return shown


def _day(value: str) -> str | None:
    try:
        return datetime.fromisoformat(value).astimezone(UTC).date().isoformat() if "T" in value else None
    except ValueError:
        return None


def _said(line: Line, shown: Mapping[str, str]) -> tuple[str, str] | None:
    """Both languages of a line, if all that it names is there."""
    wanted = {name for side in line for _, name, _, _ in Formatter().parse(side) if name}
    if not wanted <= shown.keys():
        return None
    return line[0].format_map(shown), line[1].format_map(shown)


def _one_line(text: str) -> str:
    """Text for a header. A word that is encoded already would be decoded there, newlines in it and all."""
    return " ".join(_CONTROL.sub(" ", text).replace("=?", "= ?").split())


def _address(to: str, name: str) -> Address:
    if not _ADDRESS.fullmatch(to) or "=?" in to:
        raise ValueError("not an address to write to")
    local, _, domain = to.rpartition("@")
    return Address(display_name=name, username=local, domain=domain.encode("idna").decode())


def _page(*languages: list[str]) -> str:
    parts = ["\n".join(f"<p>{escape(line)}</p>" for line in lines) for lines in languages]
    return '<!doctype html>\n<html><head><meta charset="utf-8"></head><body>\n{}\n</body></html>\n'.format(
        "\n<hr>\n".join(parts)
    )
