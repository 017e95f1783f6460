"""Access tokens: ours alone, and the same after a restart."""

import base64
import json
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.accounts.tokens import AccessToken, NotSignedIn, sign, verify

SECRET = "a secret of the tests"
TOKEN = AccessToken(uuid4(), uuid4(), 2_000_000_000)


def test_a_token_says_what_was_signed() -> None:
    assert verify(SECRET, sign(SECRET, TOKEN)) == TOKEN


def test_another_secret_makes_another_key() -> None:
    with pytest.raises(NotSignedIn):
        verify("another", sign(SECRET, TOKEN))


def test_a_token_names_its_key() -> None:
    head = sign(SECRET, TOKEN).split(".")[0]
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    assert header["alg"] == "HS256"
    assert header["kid"]
    assert header["kid"] != json.loads(
        base64.urlsafe_b64decode(sign("another", TOKEN).split(".")[0] + "==")
    ).get("kid")


@given(st.text(max_size=200))
def test_rubbish_is_refused(text: str) -> None:
    with pytest.raises(NotSignedIn):
        verify(SECRET, text)


def _part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("algorithm", ["none", "HS512", "RS256", None, 7])
def test_the_header_does_not_choose_the_algorithm(algorithm: object) -> None:
    claims = {
        "sub": str(TOKEN.account_id),
        "sid": str(TOKEN.session_id),
        "aud": "zhihao",
        "exp": 2_000_000_000,
    }
    for signature in ("", sign(SECRET, TOKEN).split(".")[2]):
        with pytest.raises(NotSignedIn):
            verify(SECRET, f"{_part({'alg': algorithm})}.{_part(claims)}.{signature}")


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_changed_token_is_refused(position: int, change: int) -> None:
    raw = bytearray(sign(SECRET, TOKEN).encode())
    position %= len(raw)
    changed = (raw[position] + change) % 128
    if changed == raw[position] or position == len(raw) - 1:
        return  # the last digit of base64 carries bits that nobody reads
    raw[position] = changed
    with pytest.raises(NotSignedIn):
        verify(SECRET, raw.decode("latin-1"))
