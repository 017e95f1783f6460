"""Files of binary formats are read in a process of their own: nothing that happens there reaches this one."""

import os
import threading
import time
from dataclasses import replace

import pytest

from service.knowledge.parsing import isolation
from service.knowledge.parsing.formats import parse, try_parse
from service.knowledge.parsing.isolation import Nursery
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.knowledge.parsing.sniffing import OLD_OFFICE
from tests.integration import library
from tests.own_time import own_time
from tests.written import books, films, office, pdf
from tests.written.subtitles import subtitles

LIMITS = ParseLimits()
MISBEHAVING = "tests.written.misbehaving"


def code(name: str, data: bytes, limits: ParseLimits = LIMITS) -> str:
    outcome = try_parse(name, data, limits=limits)
    return outcome.code if isinstance(outcome, UnreadableFile) else "read"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.pdf", pdf.book(), "Prune them in March."),
        ("a.docx", office.document(), "母鸡每天下一个蛋。"),
        ("a.srt", subtitles("srt").encode(), "Prune them in March."),
        ("a.pptx", office.presentation(), "Mention the potash."),
        ("a.xlsx", office.workbook(), "Lavender"),
        ("a.csv", "品名,價格\n玫瑰,9.90\n".encode("big5"), "玫瑰"),
        ("a.epub", books.book(), "冬天少浇水。"),
        ("a.mkv", films.BY_FFMPEG["srt.mkv"], "Prune them in March."),
        ("a.mp4", films.BY_FFMPEG["timed_text.mp4"], "Prune them in March."),
        ("named wrongly.txt", pdf.book(), "Prune them in March."),
        ("without a name", office.document(), "母鸡每天下一个蛋。"),
    ],
)
def test_a_file_is_read_by_what_it_is_and_comes_back_whole(name: str, data: bytes, words: str) -> None:
    read = parse(name, data, limits=LIMITS)
    (block,) = [block for block in read.blocks if words in read.text[block.start : block.end]]
    assert block.locator["label"]


def test_a_note_comes_back_too() -> None:
    read = try_parse("a.pdf", pdf.scanned("Read me.", None), limits=LIMITS)
    assert isinstance(read, Parsed)
    assert read.note is not None
    assert read.note.code == "scanned_pages"


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.pdf", b"%PDF-1.7", "damaged_document"),
        ("a.pdf", b"plain words", "damaged_document"),
        ("a.docx", b"PK\x03\x04rubbish", "damaged_document"),
        ("a.pdf", pdf.book(password="x"), "encrypted_document"),
        (
            "a.docx",
            OLD_OFFICE + "EncryptedPackage".encode("utf-16-le"),
            "encrypted_document",
        ),
        ("a.doc", OLD_OFFICE, "unsupported_format"),
        ("a.pdf", pdf.scanned(None), "scanned_document"),
        ("a.png", pdf.png(), "ocr_unavailable"),
        ("a.srt", b"no cues", "empty_document"),
        ("a.mp4", b"\0\0\0\x18ftypisom", "damaged_document"),
        ("a.mp4", films.mp4(b"stpp"), "no_subtitles"),
        ("a.docx", library.zipped({"a.md": "x"}), "unsupported_format"),
        ("a.pdf", b"", "empty_document"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(name: str, data: bytes, expected: str) -> None:
    assert code(name, data) == expected


def misbehave(how: str, limits: ParseLimits = LIMITS, nursery: Nursery = isolation.SHARED) -> str:
    """What comes of a reader that does ``how``: a code, or the text."""
    try:
        return nursery.read(MISBEHAVING, how.encode(), limits).text
    except UnreadableFile as refusal:
        return refusal.code


def test_a_reader_that_hangs_is_ended_on_time() -> None:
    started = own_time()
    assert misbehave("sleep", replace(LIMITS, wall_seconds=1)) == "parse_timeout"
    assert misbehave("spin", replace(LIMITS, cpu_seconds=1)) == "parse_timeout"
    assert own_time() - started < 10


def test_a_reader_that_eats_memory_or_dies_is_refused() -> None:
    assert misbehave("eat") == "document_too_large"
    assert misbehave("crash") == "damaged_document"
    assert misbehave("exit") == "damaged_document"
    assert misbehave("raise") == "damaged_document"
    assert misbehave("recurse") == "damaged_document"


@pytest.mark.parametrize("how", ["connect", "run", "write", "environment"])
def test_a_reader_reaches_no_network_no_program_no_file_and_no_secret(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZHIHAO_SECRET_KEY", "a secret")
    own = Nursery()
    try:
        assert misbehave(how, nursery=own) == "kept in"
    finally:
        own.close()


def test_a_helper_that_was_killed_is_started_again() -> None:
    own = Nursery()
    try:
        assert misbehave("nothing", nursery=own) == "done"
        assert own.pid is not None
        os.kill(own.pid, 9)
        assert misbehave("nothing", nursery=own) == "done"
    finally:
        own.close()


def test_files_are_read_side_by_side() -> None:
    found: list[str] = []
    slow = threading.Thread(target=lambda: found.append(misbehave("sleep", replace(LIMITS, wall_seconds=3))))
    slow.start()
    time.sleep(0.2)
    assert code("a.srt", subtitles("srt").encode()) == "read"
    assert not found, "the slow one was waited for"
    slow.join()


def test_reading_many_small_ones_is_a_matter_of_milliseconds() -> None:
    data = subtitles("srt").encode()
    code("a.srt", data)
    started = own_time()
    for _ in range(20):
        assert code("a.srt", data) == "read"
    assert own_time() - started < 10
