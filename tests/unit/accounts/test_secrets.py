"""API key secrets: recognized without a query, and stored so that a dump is of no use."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.accounts.secrets import (
    ALPHABET,
    CHECK_DIGITS,
    RANDOM_DIGITS,
    MalformedSecret,
    Mode,
    mode_of,
    new_secret,
    secret_hash,
    shown,
)


@pytest.mark.parametrize("mode", ["live", "test"])
def test_a_secret_says_its_mode_and_passes_its_own_check(mode: Mode) -> None:
    secret = new_secret(mode)
    assert re.fullmatch(rf"zh_{mode}_[0-9A-Za-z]{{49}}", secret)
    assert mode_of(secret) == mode


def test_the_digits_hold_all_the_bits() -> None:
    assert math.ceil(256 / math.log2(62)) == RANDOM_DIGITS
    assert math.ceil(32 / math.log2(62)) == CHECK_DIGITS


def test_no_two_secrets_are_alike() -> None:
    assert len({new_secret("live") for _ in range(1000)}) == 1000


@given(st.integers(0, 56), st.sampled_from(ALPHABET + "_-é"))
def test_one_wrong_character_is_noticed(position: int, character: str) -> None:
    secret = new_secret("live")
    changed = secret[:position] + character + secret[position + 1 :]
    if changed == secret:
        return
    with pytest.raises(MalformedSecret):
        mode_of(changed)


@given(st.text(max_size=80))
def test_an_invented_secret_is_refused(text: str) -> None:
    for secret in (text, "zh_live_" + text, "zh_test_" + text):
        with pytest.raises(MalformedSecret):
            mode_of(secret)


def test_a_live_secret_does_not_become_a_test_one() -> None:
    with pytest.raises(MalformedSecret):
        mode_of(new_secret("live").replace("zh_live_", "zh_test_"))


def test_what_is_shown_and_stored_is_not_the_secret() -> None:
    secret = new_secret("live")
    assert len(shown(secret)) == 12
    assert len(secret_hash(secret)) == 32
    assert secret.encode() not in secret_hash(secret)
