"""A receipt proves what it says, and a changed one proves nothing."""

import base64
import hashlib
import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answering.receipts import ReceiptForged, Span, hashed, issue, item_salt, signer_of, verify
from service.answering.records import SignedReceipt

SIGNER = signer_of("one secret")
SPAN = Span(uuid4(), 3, 9, "ab" * 32)


def made(question: str = "问", answer: str = "答") -> SignedReceipt:
    return issue(
        SIGNER,
        id=uuid4(),
        at=datetime(2026, 1, 2, tzinfo=UTC),
        meter="answers",
        units=1,
        refused=False,
        question=question,
        answer=answer,
        seen=[SPAN, SPAN],
        cited=[SPAN],
    )


def test_a_receipt_holds_units_time_and_salted_hashes_only() -> None:
    receipt = made()
    payload = verify(receipt.signed, SIGNER.public)
    assert payload == {
        "id": str(receipt.id),
        "time": "2026-01-02T00:00:00Z",
        "meter": "answers",
        "units": 1,
        "refused": False,
        "question": hashed(receipt.salt, "question", "问"),
        "answer": hashed(receipt.salt, "answer", "答"),
        "seen": [hashed(receipt.salt, "seen.0", SPAN.content), hashed(receipt.salt, "seen.1", SPAN.content)],
        "cited": [hashed(receipt.salt, "cited.0", SPAN.content)],
    }
    assert payload["question"] != hashlib.sha256("问".encode()).hexdigest()
    assert made().salt != made().salt


def test_one_part_is_proved_without_the_salts_of_the_others() -> None:
    receipt = made()
    salts = {item_salt(receipt.salt, label) for label in ("question", "answer", "seen.0", "cited.0")}
    assert len(salts) == 4
    assert receipt.salt not in salts


@given(st.data())
def test_any_change_is_found(data: st.DataObject) -> None:
    signed = made().signed
    head, body, signature = signed.split(".")
    raw = bytearray(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    changed = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    with pytest.raises(ReceiptForged):
        verify(f"{head}.{changed}.{signature}", SIGNER.public)


@pytest.mark.parametrize("rubbish", ["", "a.b.c", "....", "e30.e30.e30"])
def test_rubbish_is_no_receipt(rubbish: str) -> None:
    with pytest.raises(ReceiptForged):
        verify(rubbish, SIGNER.public)


def test_an_unsigned_or_otherwise_signed_receipt_is_refused() -> None:
    _, body, _ = made().signed.split(".")
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).rstrip(b"=").decode()
    with pytest.raises(ReceiptForged):
        verify(f"{none}.{body}.", SIGNER.public)
    with pytest.raises(ReceiptForged):
        verify(made().signed, signer_of("another secret").public)


def test_the_key_is_the_same_at_every_start_and_the_published_half_has_no_private_part() -> None:
    signer_of.cache_clear()
    assert signer_of("one secret").public == SIGNER.public
    assert "d" not in SIGNER.public
    assert signer_of("another secret").kid != SIGNER.kid
