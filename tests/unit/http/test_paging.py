"""Cursors: opaque, bound to their list, and not to be made up."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.http.inputs import InvalidInput
from service.http.paging import (
    InvalidCursor,
    PageRequest,
    decode_cursor,
    encode_cursor,
    page_request,
    paged,
    place_of,
    position_of,
)

values = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text(max_size=50))


@given(st.lists(values, max_size=5), st.text(max_size=50))
def test_a_cursor_gives_back_its_position(position: list[Any], bound: str) -> None:
    assert decode_cursor(encode_cursor(position, bound), bound) == position


def test_ids_and_times_come_back_as_text() -> None:
    some_id, moment = uuid4(), datetime(2026, 1, 2, tzinfo=UTC)
    assert decode_cursor(encode_cursor([some_id, moment], ""), "") == [str(some_id), "2026-01-02T00:00:00Z"]


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(encode_cursor([1], "keys of one"), "keys of another")


@given(st.text(max_size=100))
def test_an_invented_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        decode_cursor(cursor, "")


def test_a_limit_is_one_to_the_most() -> None:
    assert page_request(None, None, default=20, maximum=100) == PageRequest(20)
    assert page_request(100, "c", default=20, maximum=100) == PageRequest(100, "c")
    for limit in (0, -1, 101):
        with pytest.raises(InvalidInput):
            page_request(limit, None, default=20, maximum=100)


def test_pages_follow_one_another_and_the_last_says_so() -> None:
    ids = sorted(uuid4() for _ in range(5))
    seen = []
    page = PageRequest(2)
    while True:
        after = position_of(page, "b")
        rows = [some for some in ids if after is None or some > after][: page.limit + 1]
        shown = paged(rows, page, "b", position=lambda row: row)
        seen += shown.data
        if shown.next_cursor is None:
            break
        page = PageRequest(2, shown.next_cursor)
    assert seen == ids


def test_a_list_in_another_order_goes_on_at_a_position_of_several_parts() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    first, second = (moment, 1), (moment, 2)
    shown = paged([second, first], PageRequest(1), "b", position=lambda row: row)
    assert shown.data == [second]
    following = PageRequest(1, shown.next_cursor)
    assert place_of(following, "b", lambda at, id: (datetime.fromisoformat(at), id)) == second
    assert place_of(PageRequest(1), "b", int) is None
    with pytest.raises(InvalidCursor):
        place_of(following, "c", int)
