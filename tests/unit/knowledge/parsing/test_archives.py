"""Archives from strangers: read where they are harmless, refused in time where they are not."""

import gzip
import io
import lzma
import struct
import tarfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable

import pytest

from service.knowledge.parsing.archive_streams import ArchiveRefused, Limits
from service.knowledge.parsing.archives import Entry, entries, survey
from service.knowledge.parsing.sniffing import is_archive
from tests.written import books, office

MEBIBYTE = 1024 * 1024
LIMITS = Limits(entries=5000, file_bytes=64 * MEBIBYTE, total_bytes=1024 * MEBIBYTE, ratio=200)
FILES = {"a.md": b"# A", "sub/b.txt": "文本".encode(), "c.html": b"<p>c"}


def zipped(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]  # modes are a parameter here
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def read(data: bytes, limits: Limits = LIMITS, start: int = 0) -> list[Entry]:
    total = survey(io.BytesIO(data), limits)
    found = list(entries(io.BytesIO(data), limits, start=start))
    assert len(found) == total - start
    return found


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_what_holds_files_is_an_archive_and_an_office_file_is_none(mode: str) -> None:
    assert is_archive(tarred({"a.txt": b"x"}, mode))
    assert is_archive(zipped({"a.txt": b"x"}))
    assert not is_archive(office.document())
    assert not is_archive(books.book())
    assert not is_archive(b"PK\x03\x04 and nothing behind")
    assert not is_archive("张三：你好".encode())


def codes(data: bytes, limits: Limits = LIMITS) -> dict[str, str | None]:
    return {entry.name: entry.code for entry in read(data, limits)}


def refused(data: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(ArchiveRefused) as refusal:
        survey(io.BytesIO(data), limits)
    return refusal.value.code


PACKERS: list[Callable[[dict[str, bytes]], bytes]] = [
    zipped,
    tarred,
    lambda files: tarred(files, "w:gz"),
    lambda files: tarred(files, "w:xz"),
]


@pytest.mark.parametrize("pack", PACKERS)
def test_every_kind_is_read_in_its_order(pack: Callable[[dict[str, bytes]], bytes]) -> None:
    found = read(pack(FILES))
    assert [(entry.position, entry.name, entry.data) for entry in found] == [
        (index, name, data) for index, (name, data) in enumerate(FILES.items())
    ]


@pytest.mark.parametrize("pack", PACKERS)
def test_reading_goes_on_behind_a_position(pack: Callable[[dict[str, bytes]], bytes]) -> None:
    assert [entry.name for entry in read(pack(FILES), start=2)] == ["c.html"]


@pytest.mark.parametrize("pack", PACKERS)
@pytest.mark.parametrize("name", ["../up.md", "a/../../up.md", "/etc/passwd", "C:/x.md", "..\\up.md"])
def test_a_path_that_leads_out_fails_alone(pack: Callable[[dict[str, bytes]], bytes], name: str) -> None:
    found = codes(pack({name: b"x", "good.md": b"y"}))
    assert found == {name.replace("\\", "/"): "unsafe_path", "good.md": None}


def test_a_damaged_file_fails_alone() -> None:
    data = bytearray(zipped({"bad.md": b"x" * 100, "good.md": b"y"}))
    data[data.index(b"bad.md") + 6] ^= 0xFF
    assert codes(bytes(data)) == {"bad.md": "damaged_entry", "good.md": None}


def test_an_encrypted_file_fails_alone() -> None:
    data = bytearray(zipped({"secret.md": b"x", "good.md": b"y"}))
    directory = data.index(b"PK\x01\x02")
    data[directory + 8] |= 1
    assert codes(bytes(data)) == {"secret.md": "encrypted_entry", "good.md": None}


def test_links_and_devices_are_not_followed() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, kind in (("s", tarfile.SYMTYPE), ("h", tarfile.LNKTYPE), ("d", tarfile.CHRTYPE)):
            member = tarfile.TarInfo(name + ".md")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    assert set(codes(out.getvalue()).values()) == {"not_a_file"}
    info = zipfile.ZipInfo("link.md")
    info.external_attr = 0o120777 << 16
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as linked:
        linked.writestr(info, "/etc/passwd")
    assert codes(packed.getvalue()) == {"link.md": "not_a_file"}


def test_an_archive_within_an_archive_is_not_opened() -> None:
    assert codes(zipped({"in.zip": zipped(FILES), "in.tar.gz": b"x", "a.md": b"y"})) == {
        "in.zip": "nested_archive",
        "in.tar.gz": "nested_archive",
        "a.md": None,
    }


def test_the_second_file_of_a_name_fails() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for data in (b"1", b"2"):
            member = tarfile.TarInfo("a.md")
            member.size = 1
            archive.addfile(member, io.BytesIO(data))
    assert [(entry.data, entry.code) for entry in read(out.getvalue())] == [
        (b"1", None),
        (b"", "duplicate_entry"),
    ]


def test_names_written_in_gbk_are_read() -> None:
    data = zipped({"xxxxxxxxxx.md": b"1", "plain.md": b"2"})
    name = "劳动合同法".encode("gbk")
    data = data.replace(b"xxxxxxxxxx", name)
    assert [entry.name for entry in read(data)] == ["劳动合同法.md", "plain.md"]


def test_names_written_in_the_old_dos_encoding_are_read() -> None:
    data = zipped({"xx.md": b"1"}).replace(b"xx.md", "é1.md".encode("cp437"))
    assert [entry.name for entry in read(data)] == ["é1.md"]


def test_tar_names_that_are_no_utf8_are_read() -> None:
    data = tarred({"xxxxxxxxxx.md": b"1"}).replace(b"xxxxxxxxxx", "劳动合同法".encode("gbk"))
    # The header's checksum covers its name.
    header = bytearray(data[:512])
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    assert [entry.name for entry in read(bytes(header) + data[512:])] == ["劳动合同法.md"]


def test_what_file_managers_leave_behind_is_not_counted() -> None:
    files = {"__MACOSX/._a.md": b"x", ".DS_Store": b"x", "d/Thumbs.db": b"x", "a.md": b"y"}
    assert codes(zipped(files)) == {"a.md": None}


def test_a_file_over_its_limit_fails_alone() -> None:
    limits = Limits(entries=10, file_bytes=10, total_bytes=MEBIBYTE, ratio=200)
    for pack in PACKERS:
        assert codes(pack({"big.md": b"x" * 11, "a.md": b"y"}), limits) == {
            "big.md": "file_too_large",
            "a.md": None,
        }


def test_more_files_than_allowed_are_refused() -> None:
    limits = Limits(entries=3, file_bytes=10, total_bytes=MEBIBYTE, ratio=200)
    many = {f"{n}.md": b"x" for n in range(4)}
    for pack in PACKERS:
        assert refused(pack(many), limits) == "too_many_entries"


@pytest.mark.parametrize("data", [b"", b"plain text, no archive" * 100, b"\x1f\x8bxx", b"PK\x03\x04rubbish"])
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    assert refused(data) in {"not_an_archive", "damaged_archive"}


@pytest.mark.parametrize("pack", PACKERS[1:])
def test_an_archive_cut_short_is_refused(pack: Callable[[dict[str, bytes]], bytes]) -> None:
    data = pack({"a.md": bytes(range(256)) * 40, "b.md": b"y"})
    assert refused(data[: len(data) // 3]) in {"damaged_archive", "not_an_archive"}


def _tar_of_zeros(size: int) -> bytes:
    member = tarfile.TarInfo("zeros.md")
    member.size = size
    return member.tobuf() + bytes(size) + bytes(1024)


GIGABYTE = 1024 * MEBIBYTE


def _gzip_bomb() -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb") as packed:
        member = tarfile.TarInfo("zeros.md")
        member.size = GIGABYTE
        packed.write(member.tobuf())
        for _ in range(300):
            packed.write(bytes(MEBIBYTE))
    return out.getvalue()


def _xz_bomb() -> bytes:
    packer = lzma.LZMACompressor(preset=0)
    member = tarfile.TarInfo("zeros.md")
    member.size = GIGABYTE
    parts = [packer.compress(member.tobuf())]
    parts += [packer.compress(bytes(MEBIBYTE)) for _ in range(64)]
    return b"".join([*parts, packer.flush()])


def _zip_bomb() -> bytes:
    return zipped({f"{n}.md": bytes(32 * MEBIBYTE) for n in range(8)})


def _lying_zip() -> bytes:
    """Names a small size ahead of much more."""
    data = bytearray(zipped({"liar.md": bytes(64 * MEBIBYTE)}))
    directory = data.index(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = struct.pack("<I", 100)
    return bytes(data)


def _lying_pax() -> bytes:
    member = tarfile.TarInfo("x")
    member.type, member.size = tarfile.XHDTYPE, GIGABYTE
    return member.tobuf(format=tarfile.USTAR_FORMAT) + bytes(1024)


def _lying_zip_directory() -> bytes:
    """An end record that claims a directory of 200 MiB."""
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 200 * MEBIBYTE, 0, 0)
    return b"PK\x03\x04" + bytes(1000) + end


@pytest.mark.parametrize(
    "bomb", [_gzip_bomb, _xz_bomb, _zip_bomb, _lying_zip, _lying_pax, _lying_zip_directory]
)
def test_a_bomb_is_refused_within_a_second_in_little_memory(bomb: Callable[[], bytes]) -> None:
    data = bomb()
    tracemalloc.start()
    started = time.process_time()
    try:
        found = codes(data)
        assert set(found.values()) == {"damaged_entry"}
    except ArchiveRefused:
        pass
    seconds = time.process_time() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Tracing makes everything slower; untraced, the slowest takes a third of a second.
    assert seconds < 3
    assert peak < 64 * MEBIBYTE


def test_ten_thousand_entries_are_refused_within_a_second() -> None:
    data = zipped({f"{n}.md": b"" for n in range(10_000)})
    started = time.process_time()
    assert refused(data) == "too_many_entries"
    assert time.process_time() - started < 1
