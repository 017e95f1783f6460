"""Transcripts and the minutes that are drawn from them."""

import pytest

from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.sources.minutes import extract_lines, render
from service.knowledge.sources.transcripts import Turn, read_transcript

VTT = (
    "WEBVTT\n\n00:00:12.000 --> 00:00:15.500\n<v 张三>我们决定采用方案二。</v>\n\n"
    "2\n00:01:05.000 --> 00:01:08.000\n<v 李四>我负责测试，周五之前完成。</v>\n"
)
SRT = (
    "1\n00:00:12,000 --> 00:00:15,500\n张三：我们决定采用方案二。\n\n"
    "2\n00:01:05,000 --> 00:01:08,000\n李四: 我负责测试，周五之前完成。\n"
)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a.vtt", VTT),
        ("a.srt", SRT),
        ("a.txt", "项目例会\n会议时间：2024-05-01\n\n张三(00:00:12):\n我们决定采用方案二。\n\n"
                  "李四(00:01:05):\n我负责测试，周五之前完成。\n"),
        ("a.txt", "张三 00:12\n我们决定采用方案二。\n李四 01:05\n我负责测试，周五之前完成。"),
        ("a.txt", "张三\n00:00:12\n我们决定采用方案二。\n李四\n00:01:05\n我负责测试，周五之前完成。"),
        ("a.txt", "[00:00:12] 张三：我们决定采用方案二。\n[00:01:05] 李四：我负责测试，周五之前完成。"),
    ],
)  # fmt: skip
def test_turns_keep_their_speaker_and_time(name: str, written: str) -> None:
    turns = read_transcript(name, written.encode(), limits=ParseLimits(characters=10_000))
    assert [(turn.speaker, turn.start, turn.text) for turn in turns] == [
        ("张三", 12, "我们决定采用方案二。"),
        ("李四", 65, "我负责测试，周五之前完成。"),
    ]


def test_plain_text_with_speakers_has_turns_without_times() -> None:
    turns = read_transcript(
        "a.txt", b"Ann: We agreed to ship.\nBob: Fine.\n", limits=ParseLimits(characters=10_000)
    )
    assert turns == [Turn("Ann", None, None, "We agreed to ship."), Turn("Bob", None, None, "Fine.")]


def test_cues_of_one_speaker_are_one_turn() -> None:
    written = "WEBVTT\n\n00:01.000 --> 00:02.000\nAnn: We agreed\n\n00:02.000 --> 00:03.000\nAnn: to ship.\n"
    (turn,) = read_transcript("a.vtt", written.encode(), limits=ParseLimits(characters=10_000))
    assert (turn.start, turn.end, turn.text) == (1, 3, "We agreed to ship.")


def test_decisions_and_tasks_are_found_word_for_word_in_both_languages() -> None:
    turns = [
        Turn("张三", 12, None, "大家好。我们决定采用方案二。这样可以吗？"),
        Turn("李四", 65, None, "我负责测试，周五之前完成。"),
        Turn("Ann", 70, None, "We decided to ship on May 3. Bob, please send the notes by Friday."),
        Turn("Bob", 75, None, "Did we decide anything?"),
    ]
    found = [(line.section, line.text, line.turn) for line in extract_lines(turns) if line.section != "point"]
    assert found == [
        ("decision", "我们决定采用方案二。", 0),
        ("decision", "We decided to ship on May 3.", 2),
        ("action", "我负责测试，周五之前完成。", 1),
        ("action", "Bob, please send the notes by Friday.", 2),
    ]


def test_each_line_of_the_minutes_leads_to_where_it_was_said() -> None:
    turns = read_transcript("a.vtt", VTT.encode(), limits=ParseLimits(characters=10_000))
    parsed = render(turns, extract_lines(turns), worded=False)
    lines = {parsed.text[block.start : block.end]: block.locator for block in parsed.blocks}
    locator = lines["- 我们决定采用方案二。（张三 00:00:12）"]
    assert (locator["heading_path"], locator["speaker"]) == (["会议纪要", "决定"], "张三")
    assert locator["timecode"] == "00:00:12"
    target = locator["target"]
    assert parsed.text[target["start"] : target["end"]] == "张三 00:00:12\n我们决定采用方案二。"
    assert "时长 00:00:56" in parsed.text
    assert "- 李四（发言 1 次）" in lines
