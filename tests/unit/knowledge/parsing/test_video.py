"""Films by the subtitles they carry as text."""

import pytest

from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.knowledge.parsing.video import parse
from tests.unit.knowledge.parsing.reading import locator_of, told
from tests.written.films import (
    BY_FFMPEG,
    ENCRYPTED,
    PACKED,
    STRIPPED,
    Cues,
    matroska,
    matroska_track,
    mp4,
    packed,
)
from tests.written.subtitles import CUES

SPOKEN = ["Feed roses with potash in early spring.", "Prune them in March.", "薰衣草每周浇水一次 冬天少浇"]
ASS = "{},0,Default,,0,0,0,,{{\\i1}}{}"


def read(data: bytes) -> Parsed:
    return parse(data, ParseLimits())


def code(data: bytes) -> str:
    with pytest.raises(UnreadableFile) as refusal:
        read(data)
    return refusal.value.code


def lines(track: int, *texts: bytes, cues: Cues = CUES) -> list[tuple[int, int, int, bytes]]:
    given = texts or [text.encode() for _, _, text in cues]
    return [(track, start, end, text) for (start, end, _), text in zip(cues, given, strict=False)]


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("srt.mkv", ["00:00:01", "00:01:23", "01:02:05"]),
        ("ass.mkv", ["00:00:01", "00:01:23", "01:02:05"]),
        ("webvtt.webm", ["00:00:01", "00:01:23", "01:02:05"]),
        ("timed_text.mp4", ["00:00:01", "00:01:23", "00:20:05"]),
        # Where it wrote before it knew all, ffmpeg lets a track begin with its first words, at one second.
        ("fragments.mp4", ["00:00:00", "00:01:22", "00:20:04"]),
    ],
)
def test_films_of_ffmpeg_say_what_is_said_and_when(name: str, labels: list[str]) -> None:
    blocks = told(read(BY_FFMPEG[name]))
    assert [(label, text) for _, label, text in blocks] == list(zip(labels, SPOKEN, strict=True))


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize(
    ("codec", "packing", "texts"),
    [
        ("S_TEXT/UTF8", b"", [f"<i>{text}</i>".encode() for _, _, text in CUES]),
        ("S_TEXT/UTF8", PACKED, [packed(text) for _, _, text in CUES]),
        ("S_TEXT/ASS", b"", [ASS.format(n, text).encode() for n, (_, _, text) in enumerate(CUES)]),
        ("S_TEXT/WEBVTT", b"", [f"<v Ann>{text}&lrm;".encode() for _, _, text in CUES]),
        ("D_WEBVTT/SUBTITLES", b"", [f"name\nline:0\n{text}".encode() for _, _, text in CUES]),
    ],
)
def test_matroska_is_read_however_it_is_written(
    codec: str, packing: bytes, texts: list[bytes], live: bool
) -> None:
    found = read(matroska([matroska_track(1, codec, packing=packing)], lines(1, *texts), live=live))
    assert [text.replace("\u200e", "") for _, _, text in told(found)] == SPOKEN
    assert locator_of(found, "Prune")["seconds"] == 83


def test_what_was_stripped_of_every_line_stands_there_again() -> None:
    film = matroska([matroska_track(1, "S_TEXT/UTF8", packing=STRIPPED)], lines(1, b"roses.", b"hens."))
    assert [text for _, _, text in told(read(film))] == ["Feed roses.", "Feed hens."]


@pytest.mark.parametrize("format", [b"tx3g", b"wvtt"])
def test_mp4_is_read_by_its_own_clock(format: bytes) -> None:
    assert [text for _, _, text in told(read(mp4(format)))] == SPOKEN
    assert locator_of(read(mp4(format, wait=5000)), "Prune")["timecode"] == "00:01:28"


def test_each_language_is_read_once_under_its_name() -> None:
    tracks = [
        matroska_track(1, "S_TEXT/UTF8", forced=True),
        matroska_track(2, "S_TEXT/UTF8", name="English"),
        matroska_track(3, "S_TEXT/UTF8", name="English for the deaf"),
        matroska_track(4, "S_TEXT/UTF8", language="chi"),
        matroska_track(5, "S_HDMV/PGS", language="fre"),
    ]
    said = [(track, 1000, 2000, f"Words of {track}.".encode()) for track in range(1, 6)]
    found = read(matroska(tracks, said))
    assert [text for _, _, text in told(found)] == ["English", "Words of 2.", "chi", "Words of 4."]
    assert locator_of(found, "Words of 4")["heading_path"] == ["chi"]


@pytest.mark.parametrize(
    "film",
    [
        matroska([matroska_track(1, "S_VOBSUB")], lines(1)),
        matroska([matroska_track(1, "S_TEXT/UTF8", packing=ENCRYPTED)], lines(1)),
        matroska([matroska_track(1, "S_TEXT/UTF8")], []),
        mp4(b"tx3g", chapters=True),
        mp4(b"tx3g", cues=[]),
        mp4(b"stpp"),
    ],
    ids=["pictures", "encrypted", "nothing said", "chapters", "an empty track", "another format"],
)
def test_a_film_without_subtitles_as_text_says_so(film: bytes) -> None:
    assert code(film) == "no_subtitles"


def test_a_film_that_was_cut_off_is_read_as_far_as_it_goes() -> None:
    film = matroska([matroska_track(1, "S_TEXT/UTF8")], lines(1), live=True)
    assert [text for _, _, text in told(read(film[: film.index(CUES[3][2].encode())]))] == SPOKEN[:2]
    assert code(film[:100]) == "damaged_document"
    assert code(mp4(b"tx3g")[:200]) == "damaged_document"


def test_lines_that_do_not_end_are_too_many() -> None:
    endless = [(n, n, "x") for n in range(50_001)]
    assert code(mp4(b"tx3g", cues=endless)) == "document_too_large"
