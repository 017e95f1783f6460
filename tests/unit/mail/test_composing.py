"""Letters as messages: both languages, the facts that are there, and nothing that facts could add."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from string import Formatter
from typing import Any

import pytest

from service.mail.composing import compose
from service.mail.letters import LETTERS, Letter
from service.mail.texts import TEXTS

AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
RECEIPT = {
    "title": "論語",
    "creator": "孔子",
    "amount": 990,
    "currency": "cny",
    "tax": None,
    "paid_at": "2026-03-04T05:06:07+00:00",
    "number": "01",
}


def made(letter: Letter = "receipt", **changes: Any) -> EmailMessage:
    values: dict[str, Any] = {
        "key": "receipt:01",
        "facts": RECEIPT,
        "to": "reader@example.com",
        "name": "Reader",
        "sender": "Zhihao <no-reply@zhihao.example>",
        "public_url": "https://zhihao.example",
        "at": AT,
    }
    return compose(letter, **(values | changes))


def parts(message: EmailMessage) -> tuple[str, str]:
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None and html is not None
    return plain.get_content(), html.get_content()


def test_a_letter_is_in_both_languages_as_text_and_as_html() -> None:
    message = made()
    assert message["Subject"] == "收据：論語 / Receipt: 論語"
    assert message["To"] == "Reader <reader@example.com>"
    assert message["Date"].datetime == AT
    plain, html = parts(message)
    assert "金额：9.90 CNY" in plain and "Amount: 9.90 CNY" in plain and "Paid on: 2026-03-04" in plain
    assert "<p>Amount: 9.90 CNY</p>" in html


def test_a_line_whose_facts_are_missing_is_left_out() -> None:
    plain, _ = parts(made())
    assert "Tax" not in plain and "税" not in plain and "Period" not in plain and "{" not in plain
    with_tax, _ = parts(made(facts=RECEIPT | {"tax": 90}))
    assert "Tax in it: 0.90 CNY" in with_tax


def test_the_message_id_is_the_letters_own_at_every_try() -> None:
    assert made()["Message-ID"] == made()["Message-ID"]
    assert made()["Message-ID"] != made(key="receipt:02")["Message-ID"]
    assert made()["Message-ID"].endswith("@zhihao.example>")


@pytest.mark.parametrize(
    "evil",
    [
        "x\r\nBcc: victim@example.com",
        "x\nBcc: victim@example.com",
        "x\u2028Bcc: victim@example.com",
        "x\r\n\r\n<script>alert(1)</script>",
        "x\0y",
        "{title.__class__}",
        "=?utf-8?q?=0d=0aBcc:_victim@example.com?=",
        "x" * 5000,
    ],
)
def test_facts_and_names_add_no_header_no_recipient_and_no_markup(evil: str) -> None:
    message = made(facts=RECEIPT | {"title": evil}, name=evil)
    again = message_from_bytes(message.as_bytes(), policy=default)
    assert set(again.keys()) == set(made().keys())
    assert [address.addr_spec for address in again["To"].addresses] == ["reader@example.com"]
    assert again["Bcc"] is None
    html = again.get_body(("html",))
    assert html is not None and "<script" not in html.get_content()


@pytest.mark.parametrize(
    "to",
    [
        "a@b@c",
        "a\r\nBcc: x@example.com",
        "",
        "name <a@example.com>",
        "=?utf-8?q?=0d=0aBcc=3a_x=40example.com?=@example.com",
    ],
)
def test_an_address_that_is_none_is_refused(to: str) -> None:
    with pytest.raises(ValueError):
        made(to=to)


def test_a_domain_of_any_script_is_named_as_mail_servers_know_it() -> None:
    assert made(to="reader@例子.example")["To"].addresses[0].addr_spec == "reader@xn--fsqu00a.example"


@pytest.mark.parametrize("letter", LETTERS)
def test_every_letter_says_the_same_in_both_languages(letter: Letter) -> None:
    text = TEXTS[letter]
    for chinese, english in (text.subject, *text.lines):
        named = [{name for _, name, _, _ in Formatter().parse(side) if name} for side in (chinese, english)]
        assert named[0] == named[1] or named == [{"why_zh"}, {"why_en"}]
    assert made(letter, facts={})["Subject"]
