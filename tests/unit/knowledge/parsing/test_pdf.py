"""PDF: text by page, headings by their size, ruled tables as rows, scanned pages told."""

import pytest

from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Note, UnreadableFile
from service.knowledge.parsing.pdf import named, parse
from service.knowledge.parsing.pdf_lines import joined
from tests.unit.knowledge.parsing.reading import locator_of, told
from tests.written import pdf

LIMITS = ParseLimits()


def test_a_sentence_is_on_its_page_under_its_heading() -> None:
    read = parse(pdf.book(), LIMITS)
    assert locator_of(read, "Prune them in March.") == {
        "label": "page 1 › Roses",
        "page": 1,
        "heading_path": ["Roses"],
    }
    assert pdf.ROSES in read.text, "lines are joined to the paragraph they were"


def test_a_ruled_table_is_read_row_by_row_in_its_place() -> None:
    found = [entry for entry in told(parse(pdf.book(), LIMITS)) if entry[1].startswith("page 2")]
    assert found == [
        ("heading", "page 2 › Watering", "Watering"),
        ("table", "page 2 › Watering", "Plant | Watering"),
        ("table", "page 2 › Watering", "Plant: Rose | Watering: weekly"),
        ("table", "page 2 › Watering", "Plant: Lavender | Watering: monthly"),
        ("paragraph", "page 2 › Watering", "Less in winter."),
    ]


def test_a_chinese_article_keeps_its_number_and_no_space_where_lines_were_broken() -> None:
    read = parse(pdf.book(), LIMITS)
    locator = locator_of(read, "试用期")
    assert (locator["page"], locator["article"]) == (3, "第十九条")
    assert pdf.LAW.replace("\u3000", "") in read.text.replace("\u3000", "").replace("第十九条 ", "第十九条")


def test_a_scanned_pdf_is_refused_and_its_pages_named() -> None:
    with pytest.raises(UnreadableFile) as refusal:
        parse(pdf.scanned(None, None, None), LIMITS)
    assert refusal.value.code == "scanned_document"
    assert "pages 1–3" in refusal.value.detail


def test_a_partly_scanned_pdf_is_read_with_a_note() -> None:
    read = parse(pdf.scanned("Read me.", None, "And me.", None), LIMITS)
    assert [text for _, _, text in told(read)] == ["Read me.", "And me."]
    assert read.note == Note("scanned_pages", "Scanned without text and not read: pages 2, 4.")


def test_a_blank_page_is_no_scan() -> None:
    assert parse(pdf.scanned("Read me.", ""), LIMITS).note is None


def test_a_locked_pdf_is_refused() -> None:
    with pytest.raises(UnreadableFile) as refusal:
        parse(pdf.book(password="secret"), LIMITS)
    assert refusal.value.code == "encrypted_document"


def test_running_headers_and_page_numbers_are_left_out() -> None:
    read = parse(pdf.running(5), LIMITS)
    assert "garden" not in read.text
    assert "- 3 -" not in read.text
    assert locator_of(read, "Sentence 4.2")["page"] == 4


def test_too_much_text_is_refused() -> None:
    with pytest.raises(UnreadableFile) as refusal:
        parse(pdf.book(), ParseLimits(characters=50))
    assert refusal.value.code == "text_too_long"


def test_a_word_divided_at_a_lines_end_is_whole_again() -> None:
    assert joined("knowl-", "edge") == "knowledge"
    assert joined("one", "two") == "one two"
    assert joined("试用", "期") == "试用期"


def test_pages_are_named_in_runs() -> None:
    assert named([3]) == "page 3"
    assert named([1, 2, 3, 7, 9, 10]) == "pages 1–3, 7, 9–10"
