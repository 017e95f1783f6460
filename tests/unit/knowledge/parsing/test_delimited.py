"""CSV in its dialects and encodings."""

import csv
import io

import pytest

from service.knowledge.parsing.delimited import delimiter_of, parse
from service.knowledge.parsing.limits import ParseLimits
from tests.unit.knowledge.parsing.reading import locator_of, told

LIMITS = ParseLimits()
ROWS = [["品名", "說明", "價格"], ["玫瑰", "每週澆水, 一次", "9.90"], ["薰衣草", "冬天\n少澆", "12"]]


def written(delimiter: str = ",", **dialect: str) -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, **dialect).writerows(ROWS)  # type: ignore[arg-type]  # a dialect's members
    return out.getvalue()


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_every_delimiter_is_found_out(delimiter: str) -> None:
    assert told(parse(written(delimiter).encode(), LIMITS)) == [
        ("table", "row 1", "品名 | 說明 | 價格"),
        ("table", "row 2", "品名: 玫瑰 | 說明: 每週澆水, 一次 | 價格: 9.90"),
        ("table", "row 3", "品名: 薰衣草 | 說明: 冬天 少澆 | 價格: 12"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "big5", "gb18030"])
def test_every_encoding_is_read(encoding: str) -> None:
    read = parse(written().encode(encoding), LIMITS)
    assert locator_of(read, "玫瑰") == {"label": "row 2", "row": 2, "heading_path": []}


def test_a_delimiter_that_is_declared_is_used() -> None:
    assert told(parse(b"sep=;\r\na;b,c\r\n1;2,3\r\n", LIMITS))[1][2] == "a: 1 | b,c: 2,3"


def test_a_table_of_numbers_alone_has_no_header() -> None:
    assert [text for _, _, text in told(parse(b"1,2\n3,4\n", LIMITS))] == ["1 | 2", "3 | 4"]


def test_one_column_is_read_as_it_is() -> None:
    assert [text for _, _, text in told(parse(b"one\ntwo\n", LIMITS))] == ["one", "two"]


def test_commas_in_prose_do_not_make_columns_of_tabs() -> None:
    assert delimiter_of("name\tnote\na\tone, two, three\nb\tfour\n") == "\t"


def test_a_quote_that_never_ends_does_not_hang() -> None:
    assert parse(b'a,b\n"' + b"x,y\n" * 2000, LIMITS).blocks
