"""Word files: what is read, in its order, under its headings."""

import io
import zipfile

import pytest

from service.knowledge.parsing.docx import parse
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import UnreadableFile
from tests.unit.knowledge.parsing.reading import locator_of, told
from tests.written import office

LIMITS = ParseLimits()


def with_body(xml: str) -> bytes:
    """The farm document with another body."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(office.document())) as made, zipfile.ZipFile(out, "w") as changed:
        for name in made.namelist():
            data = made.read(name)
            if name == "word/document.xml":
                text = data.decode()
                data = (text[: text.index("<w:body>") + 8] + xml + "</w:body></w:document>").encode()
            changed.writestr(name, data)
    return out.getvalue()


def test_headings_paragraphs_lists_and_tables_come_in_their_order() -> None:
    assert told(parse(office.document(), LIMITS)) == [
        ("heading", "The farm", "The farm"),
        ("heading", "Crops", "Crops"),
        ("paragraph", "Crops", "Wheat stands longest on the field."),
        ("list_item", "Crops", "plough"),
        ("list_item", "Crops", "sow"),
        ("table", "Crops", "Grain | Sown"),
        ("table", "Crops", "Grain: Wheat | Sown: October"),
        ("table", "Crops", "Grain: Barley | Sown: March"),
        ("heading", "Animals", "Animals"),
        ("heading", "Animals › Hens", "Hens"),
        ("paragraph", "Animals › Hens", "母鸡每天下一个蛋。"),
    ]


def test_articles_of_a_statute_are_found_without_any_style() -> None:
    read = parse(office.contract(), LIMITS)
    assert locator_of(read, "中国境内")["article"] == "第二条"


def test_without_headings_paragraphs_are_counted() -> None:
    read = parse(
        with_body("<w:p><w:r><w:t>one</w:t></w:r></w:p><w:p><w:r><w:t>two</w:t></w:r></w:p>"), LIMITS
    )
    assert [label for _, label, _ in told(read)] == ["paragraph 1", "paragraph 2"]


def test_what_is_deleted_or_hidden_is_not_read_and_what_is_inserted_is() -> None:
    body = (
        "<w:p><w:ins><w:r><w:t>added </w:t></w:r></w:ins>"
        "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:r><w:t>kept</w:t></w:r></w:p>"
    )
    assert parse(with_body(body), LIMITS).text == "added kept"


def test_text_in_content_controls_is_read() -> None:
    body = "<w:sdt><w:sdtContent><w:p><w:r><w:t>in a field</w:t></w:r></w:p></w:sdtContent></w:sdt>"
    assert parse(with_body(body), LIMITS).text == "in a field"


def test_entities_are_not_expanded() -> None:
    data = office.document()
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><w:document>&b;</w:document>'
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as made, zipfile.ZipFile(out, "w") as changed:
        for name in made.namelist():
            changed.writestr(name, bomb if name == "word/document.xml" else made.read(name))
    with pytest.raises(UnreadableFile) as refusal:
        parse(out.getvalue(), LIMITS)
    assert refusal.value.code == "damaged_document"
