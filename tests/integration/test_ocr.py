"""Images and scanned pages are read by a program that the operator names; one of ours stands in for it."""

import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from service.knowledge.parsing.formats import parse, try_parse
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.platform.settings import Settings
from service.usecases.parse_limits import parse_limits
from tests.own_time import own_time
from tests.written import pdf

PROGRAM = """
import os, struct, sys, time
how, folder = sys.argv[1:]
image = sys.stdin.buffer.read()
assert image.startswith(b"\\x89PNG")
width, height = struct.unpack(">II", image[16:24])
if how == "hang":
    open(f"{folder}/{os.getpid()}.pid", "x")
    time.sleep(60)
if how == "large":
    held = bytearray(300 * 1024 * 1024)
if how == "fail":
    sys.exit("no such language")
if how != "nothing":
    print(f"Feed roses in spring.\\n\\nThe picture is {width} wide.")
"""

Reading = Callable[[str], ParseLimits]


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    """The limits of an installation whose program does so."""
    program = tmp_path / "a program"
    program.write_text(PROGRAM)

    def made(how: str) -> ParseLimits:
        command = shlex.join([sys.executable, "-I", "-S", str(program), how, str(tmp_path)])
        return parse_limits(Settings(_env_file=None, ocr_command=command))

    return made


def outcome(name: str, data: bytes, limits: ParseLimits) -> str:
    """The code of the refusal or the note; empty if all was read."""
    read = try_parse(name, data, limits=limits)
    if isinstance(read, UnreadableFile):
        return read.code
    return f"{read.note.code}: {read.note.detail}" if read.note else ""


def placed(read: Parsed) -> list[tuple[str, str]]:
    return [(block.locator["label"], read.text[block.start : block.end]) for block in read.blocks]


def test_an_image_is_read_by_the_program_paragraph_by_paragraph(reading: Reading) -> None:
    assert placed(parse("a.png", pdf.png(), limits=reading("words"))) == [
        ("paragraph 1", "Feed roses in spring."),
        ("paragraph 2", "The picture is 620 wide."),
    ]


def test_scanned_pages_are_read_by_the_program_and_found_by_their_number(reading: Reading) -> None:
    read = parse("a.pdf", pdf.scanned("Read me.", None, "And me.", None), limits=reading("words"))
    assert read.note is None
    assert [label for label, _ in placed(read)] == [
        "page 1",
        "page 2",
        "page 2",
        "page 3",
        "page 4",
        "page 4",
    ]
    assert placed(read)[4] == ("page 4", "Feed roses in spring.")
    assert placed(read)[5] == ("page 4", "The picture is 1654 wide."), "200 dots an inch"


@pytest.mark.parametrize("how", ["fail", "nothing"])
def test_what_the_program_does_not_read_is_said(reading: Reading, how: str) -> None:
    limits = reading(how)
    assert outcome("a.pdf", pdf.scanned("Read me.", None, None), limits).endswith("not read: pages 2–3.")
    assert outcome("a.pdf", pdf.scanned(None), limits) == "scanned_document"
    assert outcome("a.png", pdf.png(), limits) == ("ocr_failed" if how == "fail" else "empty_document")


def test_a_program_that_is_not_there_fails_the_image_alone() -> None:
    limits = replace(ParseLimits(), ocr_command=("/nowhere/tesseract", "stdin", "stdout"))
    assert outcome("a.png", pdf.png(), limits) == "ocr_failed"
    assert outcome("a.pdf", pdf.scanned("Read me.", None), limits).startswith("scanned_pages")


def test_the_program_has_the_memory_that_a_small_file_has_not(reading: Reading) -> None:
    limits = reading("large")
    assert limits.memory_for(len(pdf.png())) < 300 * 1024 * 1024 < limits.memory_bytes
    assert outcome("a.png", pdf.png(), limits) == ""
    assert outcome("a.png", pdf.png(), replace(limits, memory_bytes=128 * 1024 * 1024)) == "ocr_failed"


def test_a_program_that_hangs_costs_its_share_of_the_time_and_is_ended(
    reading: Reading, tmp_path: Path
) -> None:
    limits = replace(reading("hang"), wall_seconds=4)
    started = own_time()
    assert outcome("a.pdf", pdf.scanned("Read me.", None, None), limits).endswith("not read: pages 2–3.")
    assert own_time() - started < 4
    (left,) = tmp_path.glob("*.pid")
    with pytest.raises(ProcessLookupError):
        os.kill(int(left.stem), 0)
