"""Text in whatever encoding it came."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.knowledge.parsing.decoding import decode
from service.knowledge.parsing.formats import outcome_of, parse, title_of, try_parse
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import UnreadableFile

SENTENCE = "普通诉讼时效期间为三年，自权利人知道权利受到损害之日起计算。"
TRADITIONAL = "訴訟時效期間為三年，自權利人知道權利受到損害之日起計算。"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_utf8_comes_back_code_point_for_code_point(text: str) -> None:
    if not text.encode().startswith((b"\xff\xfe", b"\xfe\xff")):
        assert decode(text.encode()) == text


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_chinese_is_read_in_the_encodings_it_is_written_in(encoding: str) -> None:
    assert decode(SENTENCE.encode(encoding)).removeprefix("\ufeff") == SENTENCE


def test_big5_is_told_from_gbk() -> None:
    assert decode(TRADITIONAL.encode("big5")) == TRADITIONAL


JAPANESE = "試用期間は三か月とする。ただし、会社は必要に応じてこれを延長することがある。"
KOREAN = "수습 기간은 삼 개월로 한다. 다만, 회사는 필요한 경우 이를 연장할 수 있다."
NOTES = [
    *[
        (SENTENCE, "gb18030"),
        ("玫瑰,9.90,每周浇水\n薰衣草,12,冬天少浇\n", "gbk"),
        ("請假要寫明日期", "big5"),
    ],
    *[(TRADITIONAL, "big5hkscs"), (TRADITIONAL, "gb18030"), ("品名,價格\n玫瑰,9.90\n", "big5")],
    *[(JAPANESE, encoding) for encoding in ("cp932", "shift_jis", "euc_jp", "iso2022_jp")],
    *[("バラは春に肥料をやる。", encoding) for encoding in ("cp932", "euc_jp")],
    *[(KOREAN, encoding) for encoding in ("cp949", "euc_kr", "iso2022_kr")],
    *[("장미는 봄에 심는다.", "cp949"), ("Die Rosen düngt man im Frühjahr, außer in Töpfen.", "cp1252")],
    *[("Où sont les œillets ? « Près du chêne », répondit-elle.", "cp1252")],
    *[("¿Cuándo se abonan los rosales? ¡En primavera, señor!", "cp1252")],
    *[("Испытательный срок не может превышать трёх месяцев.", "cp1251"), ("plain English", "utf-16-le")],
    *[(SENTENCE + "\r\n" + JAPANESE, encoding) for encoding in ("utf-16-le", "utf-16-be")],
]


@pytest.mark.parametrize(("text", "encoding"), NOTES, ids=[encoding for _, encoding in NOTES])
def test_a_note_is_read_in_the_encoding_it_was_written_in(text: str, encoding: str) -> None:
    for written in (text, text + "\r\n", f"2024-05-01 {text}" * 3, text * 3000):
        assert decode(written.encode(encoding)) == written


def test_a_book_of_east_asia_is_read_though_its_sample_ends_within_a_character() -> None:
    for text, encoding in (
        (SENTENCE, "gb18030"),
        (TRADITIONAL, "big5"),
        (JAPANESE, "cp932"),
        (KOREAN, "cp949"),
    ):
        for before in ("", "x"):
            book = before + text * 2000
            assert decode(book.encode(encoding)) == book


def test_a_byte_order_mark_is_kept() -> None:
    assert decode("\ufeffx".encode()) == "\ufeffx"
    assert decode("\ufeffx".encode("utf-16-le")) == "\ufeffx"


@pytest.mark.parametrize("data", [b"\x00\x01\x02\xff", b"a\0b", b"PK\x03\x04\x00\x00\xff"])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableFile) as refusal:
        decode(data)
    assert refusal.value.code == "binary_content"


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.exe", b"MZ", "unsupported_format"),
        ("noextension", b"text", "unsupported_format"),
        ("a.txt", b" \n ", "empty_document"),
        ("a.md", b"<!-- nothing -->", "empty_document"),
        ("a.txt", b"x" * 101, "text_too_long"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(name: str, data: bytes, code: str) -> None:
    outcome = try_parse(name, data, limits=ParseLimits(characters=100))
    assert isinstance(outcome, UnreadableFile)
    assert outcome.code == code


@pytest.mark.parametrize(
    "data", [b"\xff" * 300, bytes(range(1, 256)), b"<" * 5000, b"[" * 5000, b"> " * 5000]
)
@pytest.mark.parametrize("name", ["x.md", "x.txt", "x.html"])
def test_rubbish_is_read_or_refused_and_never_breaks(name: str, data: bytes) -> None:
    outcome = try_parse(name, data, limits=ParseLimits(characters=100_000))
    assert isinstance(outcome, UnreadableFile) or outcome.blocks


def test_a_file_that_breaks_its_reader_fails_alone() -> None:
    def broken() -> str:
        raise RecursionError

    outcome = outcome_of(broken)
    assert isinstance(outcome, UnreadableFile)
    assert outcome.code == "unreadable_file"


def test_a_title_is_the_files_name_without_its_extension() -> None:
    assert title_of("laws/社会法/劳动合同法(2012-12-28).md") == "劳动合同法(2012-12-28)"
    assert title_of("C:\\docs\\Python 3.11.txt") == "Python 3.11"
    assert title_of("v1.2") == "v1.2"
    assert parse("A.HTM", b"<p>x", limits=ParseLimits(characters=9)).text == "x"
