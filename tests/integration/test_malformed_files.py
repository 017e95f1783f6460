"""Hundreds of files made bad, and bombs: each is read or refused, nothing hangs, memory is bounded."""

import io
import re
import resource
import threading
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from service.knowledge.parsing import isolation
from service.knowledge.parsing.formats import try_parse
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed
from tests.own_time import own_time
from tests.written.films import matroska, matroska_track, mp4
from tests.written.mutations import mutated
from tests.written.samples import samples

MEBIBYTE = 1024 * 1024
CODES = {
    *("damaged_document", "encrypted_document", "empty_document", "scanned_document", "document_too_large"),
    *("parse_timeout", "text_too_long", "unsupported_format", "binary_content", "unknown_encoding"),
    *("no_subtitles", "ocr_unavailable"),
}
SECONDS = 10
LIMITS = ParseLimits(characters=1_000_000)


def outcome(name: str, data: bytes) -> str:
    """``read``, or the code; a text must be whole."""
    read = try_parse(name, data, limits=LIMITS)
    if not isinstance(read, Parsed):
        assert read.detail
        return read.code
    read.text.encode()
    assert "\0" not in read.text
    assert read.blocks
    return "read"


def test_five_hundred_malformed_files_are_read_or_refused() -> None:
    good = samples()
    for name, data in good.items():
        assert outcome(name, data) == "read", name
    random = Random(20240501)
    cases = []
    for number in range(500):
        # The book takes ten times what the others do.
        name = list(good)[number % len(good) or number // len(good) % 2]
        cases.append((name, mutated(good[name], good[random.choice(list(good))], random)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def timed(case: tuple[str, bytes]) -> tuple[str, float]:
        started = own_time()
        return outcome(*case), own_time() - started

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(timed, cases))
    counted = Counter(code for code, _ in found)
    assert set(counted) <= CODES | {"read"}, counted
    assert counted["read"] > 100, "some can still be read"
    assert counted["damaged_document"] > 50, "and some cannot"
    assert max(seconds for _, seconds in found) < SECONDS
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 64 * 1024, "in KiB"


@contextmanager
def watched() -> Iterator[Callable[[], int]]:
    """Yields what tells the most memory that a reader added to its helper's, in bytes."""
    isolation.SHARED.read("service.knowledge.parsing.subtitles", b"", ParseLimits())
    helper, most, ended = isolation.SHARED.pid, 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not ended.wait(0.005):
            children = Path(f"/proc/{helper}/task/{helper}/children").read_text().split()
            for child in children:
                most = max(most, _resident(child) - _resident(str(helper)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield lambda: most
    finally:
        ended.set()
        watcher.join()


def _resident(process: str) -> int:
    try:
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(found[1]) * 1024 if found else 0


def pdf_of(*objects: bytes) -> bytes:
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, text) for number, text in enumerate(objects, 1))
    return b"%PDF-1.7\n" + body + b"trailer <</Root 1 0 R /Size 9>>\n%%EOF"


def page_of(content: bytes, *, count: int = 1) -> bytes:
    return pdf_of(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count %d>>" % count,
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        content,
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )


def flate_bomb() -> bytes:
    """A gigabyte of operators packed in some megabytes."""
    packer = zlib.compressobj(9)
    unit = b"BT /F 9 Tf (x) Tj ET " * 50_000
    head = packer.compress(unit) + packer.flush(zlib.Z_FULL_FLUSH)
    again = packer.compress(unit) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = head + again * 999 + packer.flush()
    return page_of(b"<</Length %d/Filter/FlateDecode>>stream\n%s\nendstream" % (len(packed), packed))


def nested_bomb() -> bytes:
    """The same packed twice: some kilobytes."""
    inner = zlib.compress(zlib.compress(bytes(100 * MEBIBYTE), 6), 9)
    return page_of(
        b"<</Length %d/Filter[/FlateDecode/FlateDecode]>>stream\n%s\nendstream" % (len(inner), inner)
    )


def many_pages() -> bytes:
    return page_of(b"<</Length 0>>stream\n\nendstream", count=2_000_000_000)


def replaced(name: str, part: str, content: bytes) -> bytes:
    """The good file ``name`` with another content of one part."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(samples()[name])) as made,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as changed,
    ):
        for each in made.namelist():
            changed.writestr(each, content if each == part else made.read(each))
    return out.getvalue()


W = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def zip_bomb() -> bytes:
    return replaced("farm.docx", "word/document.xml", bytes(80 * MEBIBYTE))


def lying_zip() -> bytes:
    """Names a small size ahead of much more."""
    spaces = b"<w:document " + W + b">" + b" " * 50 * MEBIBYTE
    data = bytearray(replaced("farm.docx", "word/document.xml", spaces))
    at = data.rindex(b"word/document.xml") - 46
    assert data[at : at + 4] == b"PK\x01\x02"
    data[at + 24 : at + 28] = (1000).to_bytes(4, "little")
    return bytes(data)


def deep_xml() -> bytes:
    body = b"<w:p>" + b"<w:r>" * 200_000 + b"</w:r>" * 200_000 + b"</w:p>"
    return replaced("farm.docx", "word/document.xml", b"<w:document " + W + b">" + body + b"</w:document>")


def laughs() -> bytes:
    entities = b"".join(b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 10))
    xml = b'<!DOCTYPE x [<!ENTITY e0 "ha">' + entities + b"]><w:document " + W + b">&e9;</w:document>"
    return replaced("farm.docx", "word/document.xml", xml)


def endless_table() -> bytes:
    return b"a,b\n" + b"1,2\n" * 2_000_000


def endless_cues() -> bytes:
    return b"1\n00:00:01,000 --> 00:00:02,000\nx.\n\n" * 200_000


def film_of_crumbs() -> bytes:
    """Millions of parts with nothing in them."""
    return matroska([matroska_track(1, "S_TEXT/UTF8")], [], live=True) + b"\xec\x80" * 5_000_000


def film_of_one_sample() -> bytes:
    """Says the same kilobytes again and again."""
    film = bytearray(mp4(b"tx3g", cues=[(0, 1, "x" * 9000)]))
    for table, at in ((b"stsz", 8), (b"stsc", 16), (b"stts", 12)):
        start = film.index(table) + at
        film[start : start + 4] = (9000 if table == b"stsz" else 2_000_000_000).to_bytes(4)
    sizes = film.index(b"stsz") + 12
    film[sizes : sizes + 4] = (2_000_000_000).to_bytes(4)
    return bytes(film)


@pytest.mark.parametrize(
    ("name", "bomb"),
    [
        ("b.pdf", flate_bomb),
        ("b.pdf", nested_bomb),
        ("b.pdf", many_pages),
        ("b.docx", zip_bomb),
        ("b.docx", lying_zip),
        ("b.docx", deep_xml),
        ("b.docx", laughs),
        ("b.csv", endless_table),
        ("b.srt", endless_cues),
        ("b.mkv", film_of_crumbs),
        ("b.mp4", film_of_one_sample),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_bomb_is_refused_in_little_time_and_memory(name: str, bomb: Callable[[], bytes]) -> None:
    data = bomb()
    with watched() as most:
        started = own_time()
        found = outcome(name, data)
        seconds = own_time() - started
    print(f"\n{bomb.__name__}: {len(data)} bytes, {found} in {seconds:.1f} s, {most() / MEBIBYTE:.0f} MiB")
    assert found in CODES | {"read"}
    assert seconds < SECONDS
    assert most() < ParseLimits().memory_for(len(data))
