"""Meeting transcripts: subtitles, Tencent Meeting's exports, text with speakers; as turns with times."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import unescape

from service.knowledge.parsing.decoding import decode
from service.knowledge.parsing.formats import parse
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import UnreadableFile
from service.knowledge.parsing.sniffing import extension

_CLOCK = r"\d{1,2}:\d{2}(?::\d{2})?"
_CUE = re.compile(rf"\s*({_CLOCK})[.,]?\d*\s*-->\s*({_CLOCK})[.,]?\d*.*")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
_TAG = re.compile(r"<[^>]*>|\{\\[^}]*\}")
_NAME = r"(?P<name>[^\s:：\[(（][^\n:：\[(（]{0,39}?)"
_DAY = r"(?:\d{4}\s*[-/.年]\s*\d{1,2}\s*[-/.月]\s*\d{1,2}\s*日?\s*)?"
_UNTIL = rf"(?:\s*(?:-->|[-–—~至])\s*(?P<until>{_CLOCK}))?"
_STAMP = rf"[\[(（]?\s*{_DAY}(?P<at>{_CLOCK}){_UNTIL}\s*[\])）]?"
_HEADERS = (
    # 张三(00:00:12): 大家好 · 说话人1 00:12 · Ann Lee [0:12]
    re.compile(rf"{_NAME}\s*{_STAMP}\s*[:：]?\s*(?P<said>.*)"),
    # [00:00:12] 张三：大家好 · 00:00:12 - 00:00:15 Ann: hello
    re.compile(rf"{_STAMP}\s*[-–—]?\s*{_NAME}\s*[:：]\s*(?P<said>.*)"),
    # [00:00:12] 张三, what is said below
    re.compile(rf"{_STAMP}\s*[-–—]?\s*{_NAME}(?P<said>)"),
    re.compile(rf"{_STAMP}(?P<name>)(?P<said>)"),
)
_SPEAKER = re.compile(r"(?P<name>[^\s:：<\[(（][^\n:：。！？!?.,，]{0,29}?)\s*[:：]\s*(?P<said>\S.*|)")
_NO_SPEAKER = re.compile(
    r"https?|note|kind|language|x-timestamp-map|会议(?:主题|时间|号|地点)|参会人员?|主持人?|记录人?|时间|地点|主题",
    re.IGNORECASE,
)
TURN_CHARACTERS = 400
"""What one speaker says in cues that follow one another is one turn, up to this long,"""
TURN_GAP_SECONDS = 8
"""and without a silence longer than this."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What somebody said in one go. ``start`` and ``end`` are seconds on the transcript's clock, if any."""

    speaker: str
    start: int | None
    end: int | None
    text: str


def read_transcript(name: str, data: bytes, *, limits: ParseLimits) -> list[Turn]:
    """The turns in order. What names no speaker has none; paragraphs are turns where nothing else is known.

    Raises ``UnreadableFile``: what the file's own format does, ``not_a_transcript``.
    """
    packed = extension(name) in {".docx", ".pdf"}
    text = parse(name, data, limits=limits).text if packed else decode(data)
    lines = text.removeprefix("\ufeff").splitlines()
    turns = list(_cues(lines)) if any(_CUE.fullmatch(line) for line in lines) else _of_lines(lines)
    said = [turn for turn in turns if turn.text]
    if not said:
        raise UnreadableFile("not_a_transcript", "Nothing that was said was recognized in the file.")
    return _joined(said)


def clock(seconds: int) -> str:
    """``00:12:31``."""
    return f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"


def _seconds(text: str) -> int:
    total = 0
    for part in text.split(":"):
        total = total * 60 + int(part)
    return total


def _cues(lines: Sequence[str]) -> Iterator[Turn]:
    """Subtitles, WebVTT or SubRip; the two differ in nothing that matters here."""
    span: tuple[int, int] | None = None
    said: list[str] = []
    for line in [*lines, ""]:
        found = _CUE.fullmatch(line)
        if found is not None:
            span, said = (_seconds(found[1]), _seconds(found[2])), []
        elif line.strip() and span is not None:
            said.append(line.strip())
        elif span is not None:
            yield from _spoken(_run_on(said), *span)
            span = None


def _spoken(written: str, start: int, end: int) -> Iterator[Turn]:
    """The turns of one cue: WebVTT names voices by a tag, others by a name and a colon."""
    parts = _VOICE.split(written)
    for voice, part in zip(["", *parts[1::2]], parts[::2], strict=True):
        text = " ".join(unescape(_TAG.sub("", part)).split())
        speaker = unescape(voice).strip()
        if not speaker and (found := _SPEAKER.fullmatch(text)) is not None and _is_speaker(found["name"]):
            speaker, text = found["name"].strip(), found["said"]
        if text:
            yield Turn(speaker, start, end, text)


def _is_speaker(name: str) -> bool:
    letters = any(character.isalpha() for character in name)
    return letters and _NO_SPEAKER.fullmatch(name.strip()) is None


def _of_lines(lines: Sequence[str]) -> list[Turn]:
    headed = list(_headed(_with_names_joined(lines)))
    if headed:
        return headed
    spoken = list(_named(lines))
    if len({turn.speaker for turn in spoken}) > 1 or len(spoken) > 1:
        return spoken
    return [Turn("", None, None, " ".join(line.split())) for line in lines if line.strip()]


def _with_names_joined(lines: Sequence[str]) -> list[str]:
    """A name on a line of its own, with the time on the next, as one line."""
    joined: list[str] = []
    only_time = re.compile(rf"\s*{_STAMP}\s*")
    for line in lines:
        before = joined[-1].strip() if joined else ""
        if (
            only_time.fullmatch(line)
            and before
            and len(before) <= 30
            and not re.search(r"[。！？.!?,，:：]", before)
        ):
            joined[-1] = f"{before} {line.strip()}"
        else:
            joined.append(line)
    return joined


def _headed(lines: Sequence[str]) -> Iterator[Turn]:
    """Turns under headers with a time; what stands before the first is no turn."""
    current: Turn | None = None
    said: list[str] = []
    for line in lines:
        header = _header(line.strip())
        if header is None:
            said.append(line.strip())
            continue
        if current is not None:
            yield replace(current, text=_run_on(said))
        current, said = header, [header.text]
    if current is not None:
        yield replace(current, text=_run_on(said))


def _header(line: str) -> Turn | None:
    if not line or len(line) > 20_000:
        return None
    for pattern in _HEADERS:
        found = pattern.fullmatch(line)
        if found is None:
            continue
        # "the 10:30 train leaves": a time in what is said, with no bracket, colon or line end behind it.
        open_end = found["said"] and line[found.end("at")] not in ")）]】:：" and pattern is _HEADERS[0]
        name = found["name"].strip(" \t-–—")
        if open_end or (name and not _is_speaker(name)) or (pattern is _HEADERS[2] and len(name) > 30):
            continue
        until = found["until"]
        return Turn(name, _seconds(found["at"]), _seconds(until) if until else None, found["said"])
    return None


def _named(lines: Sequence[str]) -> Iterator[Turn]:
    """Turns that only a name and a colon begin."""
    speaker: str | None = None
    said: list[str] = []
    for line in lines:
        found = _SPEAKER.fullmatch(line.strip())
        if found is None or not _is_speaker(found["name"]):
            said.append(line.strip())
            continue
        if speaker is not None:
            yield Turn(speaker, None, None, _run_on(said))
        speaker, said = found["name"].strip(), [found["said"]]
    if speaker is not None:
        yield Turn(speaker, None, None, _run_on(said))


def _joined(turns: Sequence[Turn]) -> list[Turn]:
    """Cues of one speaker that follow one another, as turns."""
    joined: list[Turn] = []
    for turn in turns:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last.speaker == turn.speaker
            and last.end is not None
            and turn.start is not None
            and turn.start - last.end <= TURN_GAP_SECONDS
            and len(last.text) + len(turn.text) <= TURN_CHARACTERS
        ):
            joined[-1] = replace(last, end=turn.end, text=_run_on([last.text, turn.text]))
        else:
            joined.append(turn)
    return joined


def _run_on(lines: Sequence[str]) -> str:
    """The lines as one, with a space between words that are written apart."""
    text = ""
    for line in (" ".join(line.split()) for line in lines):
        if line:
            text += (" " if text and not (_wide(text[-1]) or _wide(line[0])) else "") + line
    return text


def _wide(character: str) -> bool:
    return character >= "\u3000"
