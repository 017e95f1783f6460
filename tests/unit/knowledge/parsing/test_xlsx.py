"""Excel files: rows as they show, each under its sheet and its number."""

import datetime
import io

import openpyxl
import pytest

from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import UnreadableFile
from service.knowledge.parsing.xlsx import parse, shown_value
from tests.unit.knowledge.parsing.reading import locator_of, told
from tests.written import office

LIMITS = ParseLimits()


def test_a_row_carries_its_columns_names_and_stands_at_its_number() -> None:
    assert told(parse(office.workbook(), LIMITS)) == [
        ("heading", "sheet 'Prices'", "Prices"),
        ("table", "sheet 'Prices' row 1", "Spring sale"),
        ("table", "sheet 'Prices' row 2", "Plant | Price | Share | Since"),
        ("table", "sheet 'Prices' row 3", "Plant: Rose | Price: 9.9 | Share: 25% | Since: 2024-03-01"),
        (
            "table",
            "sheet 'Prices' row 4",
            "Plant: Lavender | Price: 12 | Share: 50% | Since: 2024-04-01 08:30:00",
        ),
        ("heading", "sheet '库存'", "库存"),
        ("table", "sheet '库存' row 1", "品名 | 数量"),
        ("table", "sheet '库存' row 2", "品名: 玫瑰 | 数量: 40"),
        ("table", "sheet '库存' row 7", "品名: 薰衣草 | 数量: 12"),
    ]


def test_a_locator_names_sheet_and_row() -> None:
    locator = locator_of(parse(office.workbook(), LIMITS), "薰衣草")
    assert locator == {"label": "sheet '库存' row 7", "sheet": "库存", "row": 7, "heading_path": ["库存"]}


def test_a_cell_in_the_last_row_is_no_million_rows() -> None:
    made = openpyxl.Workbook()
    made.active["A1"], made.active["XFD1048576"] = "first", "last"
    out = io.BytesIO()
    made.save(out)
    assert parse(out.getvalue(), LIMITS).text == "Sheet\n\nfirst"


def test_a_workbook_that_unpacks_to_more_than_allowed_is_refused() -> None:
    with pytest.raises(UnreadableFile) as refusal:
        parse(office.workbook(), ParseLimits(unpacked_bytes=1000))
    assert refusal.value.code == "document_too_large"


def test_values_show_as_on_the_screen() -> None:
    shown = [shown_value(value) for value in (None, True, 3, 3.0, 0.1 + 0.2, datetime.time(8, 5), " x ")]
    assert shown == ["", "TRUE", "3", "3", "0.3", "08:05:00", " x "]
