"""Subtitles: cues joined to sentences that know when they are spoken."""

import pytest

from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.subtitles import parse, timecode
from tests.unit.knowledge.parsing.reading import locator_of, told
from tests.written.subtitles import subtitles

LIMITS = ParseLimits()
EXPECTED = [
    ("paragraph", "00:00:01", "Feed roses with potash in early spring."),
    ("paragraph", "00:01:23", "Prune them in March."),
    ("paragraph", "01:02:05", "薰衣草每周浇水一次 冬天少浇"),
]


@pytest.mark.parametrize("format", ["srt", "vtt", "ass", "ssa"])
def test_cues_are_joined_and_located_by_their_time(format: str) -> None:
    read = parse(subtitles(format).encode(), LIMITS)
    assert told(read) == EXPECTED
    assert locator_of(read, "Prune")["seconds"] == 83


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_subtitles_are_read_in_any_encoding(encoding: str) -> None:
    srt = "1\r\n00:00:01,000 --> 00:00:02,000\r\n薰衣草每周浇水一次，冬天少浇水。\r\n"
    assert told(parse(srt.encode(encoding), LIMITS)) == [
        ("paragraph", "00:00:01", "薰衣草每周浇水一次，冬天少浇水。")
    ]


def test_markup_and_lines_shown_again_are_left_out() -> None:
    vtt = (
        "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>we <b>plant</b>\n\n"
        "00:02.000 --> 00:03.000\nwe plant\nthe roses\n"
    )
    assert [text for _, _, text in told(parse(vtt.encode(), LIMITS))] == ["we plant the roses"]


def test_speech_without_stops_is_divided() -> None:
    cues = "\n\n".join(
        f"{n}\n00:00:{n:02},000 --> 00:00:{n + 1:02},000\n{'没有标点的句子' * 6}{n}" for n in range(1, 30)
    )
    assert len(parse(cues.encode(), LIMITS).blocks) > 4


def test_what_holds_no_cue_is_empty() -> None:
    assert parse(b"nothing to see", LIMITS).blocks == []


def test_a_time_is_shown_in_hours_minutes_and_seconds() -> None:
    assert timecode(83_999) == "00:01:23"
    assert timecode(36_000_000) == "10:00:00"
