"""Office files as python-docx, python-pptx and openpyxl write them."""

import datetime
import io
from typing import Any

import docx
import openpyxl
import pptx
from pptx.util import Inches

GRAIN = [["Grain", "Sown"], ["Wheat", "October"], ["Barley", "March"]]


def document() -> bytes:
    """Headings, paragraphs, a list and a table, in an order that tells."""
    made = docx.Document()
    made.add_heading("The farm", 0)
    made.add_heading("Crops", 1)
    made.add_paragraph("Wheat stands longest on the field.")
    made.add_paragraph("plough", style="List Bullet")
    made.add_paragraph("sow", style="List Bullet")
    table = made.add_table(len(GRAIN), 2)
    for number, row in enumerate(GRAIN):
        for column, cell in enumerate(row):
            table.cell(number, column).text = cell
    made.add_heading("Animals", 1)
    made.add_heading("Hens", 2)
    made.add_paragraph("母鸡每天下一个蛋。")
    return _saved(made)


def contract() -> bytes:
    """A statute's articles in plain paragraphs, without a heading style."""
    made = docx.Document()
    for line in ("劳动合同法", "第一条 为了完善劳动合同制度。", "第二条 本法适用于中国境内的企业。"):
        made.add_paragraph(line)
    return _saved(made)


def _saved(made: Any) -> bytes:
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


PRICES: list[list[object]] = [
    ["Spring sale", None, None, None],
    ["Plant", "Price", "Share", "Since"],
    ["Rose", 9.9, 0.25, datetime.date(2024, 3, 1)],
    ["Lavender", 12, 0.5, datetime.datetime(2024, 4, 1, 8, 30)],
]


def workbook() -> bytes:
    """Two sheets that are shown and one that is not."""
    made = openpyxl.Workbook()
    first = made.active
    first.title = "Prices"
    for row in PRICES:
        first.append(row)
    for row in first.iter_rows(min_row=3, min_col=3, max_col=3):
        row[0].number_format = "0%"
    second = made.create_sheet("库存")
    second.append(["品名", "数量"])
    second.append(["玫瑰", 40])
    second["A7"], second["B7"] = "薰衣草", 12
    hidden = made.create_sheet("Costs")
    hidden.append(["secret", "margin"])
    hidden.sheet_state = "hidden"
    return _saved(made)


def presentation() -> bytes:
    """Three slides: a title, text with notes, and a table without a title."""
    made = pptx.Presentation()
    first = made.slides.add_slide(made.slide_layouts[0])
    first.shapes.title.text = "The garden"
    first.placeholders[1].text = "A year in pictures"
    second = made.slides.add_slide(made.slide_layouts[1])
    second.shapes.title.text = "Roses"
    second.placeholders[1].text = "Feed in spring\nPrune in March"
    second.notes_slide.notes_text_frame.text = "Mention the potash."
    third = made.slides.add_slide(made.slide_layouts[6])
    table = third.shapes.add_table(3, 2, Inches(1), Inches(1), Inches(6), Inches(2)).table
    for number, row in enumerate(GRAIN):
        for column, cell in enumerate(row):
            table.cell(number, column).text = cell
    return _saved(made)
