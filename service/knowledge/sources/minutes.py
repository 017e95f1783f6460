"""Minutes of a transcript: who took part, what was decided, who does what, and what was said that matters.

Without a model they are an extract: sentences word for word, found by how decisions and tasks are worded in
Chinese and English. Either way every line names its speaker and its time, and leads to where it was said.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from search.passages.cutting import Block
from search.text import split_sentences, tokens
from service.knowledge.parsing.parsed import Parsed
from service.knowledge.sources.transcripts import Turn, clock

Section = Literal["decision", "action", "point"]
SECTIONS: tuple[Section, ...] = ("decision", "action", "point")

_DECISION = re.compile(
    r"决定|決定|决议|決議|敲定|拍板|一致(?:同意|通过|認為|认为)|(?:我|咱|大家)[们們]?(?:都)?同意|通过(?:了|这个|该)"
    r"|结论是|結論是|就这么定|定在|定为|定於|定于|确定(?:了|为|下来|在|采用)|最终(?:采用|选择|选)"
    r"|\b(?:decided|decision|we(?:'ve| have)? agreed|agreed (?:to|on|that)|let'?s go with|settled on|approved"
    r"|we(?:'ll| will) go with|consensus is|final(?:ly)? (?:choice|call))\b",
    re.IGNORECASE,
)
_ACTION = re.compile(
    r"负责|負責|跟进|跟進|待办|待辦|行动项|(?:请|請|麻烦|麻煩|由)[^，。,.]{1,16}(?:完成|提交|准备|準備|整理|确认|確認|联系|發|发|写|寫|做|安排)"
    r"|(?:今天|明天|后天|後天|本周|这周|下周|下星期|周[一二三四五六日天]|星期[一二三四五六日天]|月底|年底|\d+\s*[号號日])[^，。,.]{0,6}(?:之前|以前|前)"
    r"|截止|我(?:来|去|會|会)[^，。,.]{1,20}"
    r"|\b(?:action items?|to-?dos?|follow(?:ing)? up|responsible for|take care of|assigned to"
    r"|deadline|due (?:on|by)|by (?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|tomorrow|tonight|next|eod)"
    r"|by (?:the )?end of|i(?:'ll| will) |(?:can|could|would) you (?:please )?"
    r"|please (?:send|prepare|write|check|update|share)"
    r"|will (?:send|prepare|write|draft|finish|deliver|share|fix|update|check|organi[sz]e|contact|schedule))",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"[?？]\s*$|[吗嗎呢]\s*[。.]?\s*$")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
MOST = {"decision": 20, "action": 30, "point": 8}
LEAST_TOKENS = 4
POINT_CHARACTERS = (12, 240)

_WORDS = {
    True: {
        "minutes": "会议纪要",
        "participants": "参会人",
        "decision": "决定",
        "action": "待办",
        "point": "要点",
        "transcript": "会议实录",
        "turns": "发言 {} 次",
        "lasted": "时长 {}",
        "extract": "以下各条逐字摘自会议记录。",
        "worded": "以下各条由模型根据会议记录整理，并与所引发言核对。",
        "who": "（{}）",
    },
    False: {
        "minutes": "Minutes",
        "participants": "Participants",
        "decision": "Decisions",
        "action": "Action items",
        "point": "Key points",
        "transcript": "Transcript",
        "turns": "turns: {}",
        "lasted": "Length {}",
        "extract": "Each line is taken from the transcript word for word.",
        "worded": "The lines are a model's wording, checked against the turns they name.",
        "who": " ({})",
    },
}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the minutes, and the turn (by index) that it leads to."""

    section: Section
    text: str
    turn: int


def is_chinese(turns: Sequence[Turn]) -> bool:
    """Whether the minutes are worded in Chinese, as what was said is."""
    text = "".join(turn.text for turn in turns[:200])
    return 5 * len(_WIDE.findall(text)) > len(text)


def extract_lines(turns: Sequence[Turn]) -> list[Line]:
    """Decisions, tasks and key sentences, word for word, in the order they were said."""
    sentences = [
        (index, turn.text[start:end].strip())
        for index, turn in enumerate(turns)
        for start, end in split_sentences(turn.text)
    ]
    found: list[Line] = []
    rest: list[tuple[int, str]] = []
    for index, sentence in sentences:
        if _QUESTION.search(sentence):
            continue
        if _DECISION.search(sentence):
            found.append(Line("decision", sentence, index))
        elif _ACTION.search(sentence):
            found.append(Line("action", sentence, index))
        else:
            rest.append((index, sentence))
    found += [Line("point", sentence, index) for index, sentence in _key_sentences(rest, turns)]
    return [line for section in SECTIONS for line in _first(found, section)]


def _first(lines: Sequence[Line], section: Section) -> list[Line]:
    chosen = {line.text: line for line in reversed([line for line in lines if line.section == section])}
    return sorted(chosen.values(), key=lambda line: line.turn)[: MOST[section]]


def _key_sentences(sentences: Sequence[tuple[int, str]], turns: Sequence[Turn]) -> Iterator[tuple[int, str]]:
    """Those whose words the whole meeting keeps coming back to."""
    heard = Counter(term for turn in turns for term in set(tokens(turn.text)))
    scored = []
    shortest, longest = POINT_CHARACTERS
    for index, sentence in sentences:
        terms = set(tokens(sentence))
        if len(terms) >= LEAST_TOKENS and shortest <= len(sentence) <= longest:
            weight = sum(heard[term] - 1 for term in terms) / (len(terms) + LEAST_TOKENS)
            scored.append((weight, index, sentence))
    best = sorted(scored, key=lambda each: (-each[0], each[1]))[: MOST["point"]]
    yield from ((index, sentence) for _, index, sentence in sorted(best, key=lambda each: each[1]))


def render(turns: Sequence[Turn], lines: Sequence[Line], *, worded: bool) -> Parsed:
    """The document: minutes, then the transcript. A line's locator has the speaker, the timecode, and under
    ``target`` where in this text it was said. ``worded``: by a model."""
    words = _WORDS[is_chinese(turns)]
    page = _Page()
    minutes = words["minutes"]
    page.heading(minutes, [minutes], 2)
    ends = [second for turn in turns for second in (turn.start, turn.end) if second is not None]
    facts = [words["lasted"].format(clock(max(ends) - min(ends)))] if len(ends) > 1 else []
    page.paragraph(" · ".join([*facts, words["worded" if worded else "extract"]]), [minutes])
    _participants(page, turns, words)
    pointing: list[tuple[int, int]] = []
    for section in SECTIONS:
        chosen = [line for line in lines if line.section == section]
        if chosen:
            path = [minutes, words[section]]
            page.heading(words[section], path, 3)
            for line in chosen:
                turn = turns[line.turn]
                who = _who(turn)
                pointing.append((len(page.blocks), line.turn))
                page.item(f"- {line.text}{words['who'].format(who) if who else ''}", _place(turn, path))
    transcript = words["transcript"]
    page.heading(transcript, [transcript], 2)
    spans = []
    for turn in turns:
        who = _who(turn)
        spans.append(page.paragraph(f"{who}\n{turn.text}" if who else turn.text, [transcript], turn))
    for block, index in pointing:
        start, end = spans[index]
        page.blocks[block].locator["target"] = {"start": start, "end": end}
    return Parsed("".join(page.text), page.blocks)


def _participants(page: "_Page", turns: Sequence[Turn], words: dict[str, str]) -> None:
    counted = Counter(turn.speaker for turn in turns if turn.speaker)
    if not counted:
        return
    path = [words["minutes"], words["participants"]]
    page.heading(words["participants"], path, 3)
    for speaker, count in counted.items():
        shown = words["who"].format(words["turns"].format(count))
        first = next(turn for turn in turns if turn.speaker == speaker)
        page.item(f"- {speaker}{shown}", _place(first, path))


def _who(turn: Turn) -> str:
    return " ".join(part for part in (turn.speaker, "" if turn.start is None else clock(turn.start)) if part)


def _place(turn: Turn, path: list[str]) -> dict[str, Any]:
    who = _who(turn)
    place: dict[str, Any] = {
        "label": " · ".join([path[-1], who] if who else [path[-1]]),
        "heading_path": path,
    }
    if turn.speaker:
        place["speaker"] = turn.speaker
    if turn.start is not None:
        place["timecode"] = clock(turn.start)
    return place


class _Page:
    """A text as it is written, block by block, a blank line between two."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.blocks: list[Block] = []
        self._length = 0

    def heading(self, title: str, path: list[str], level: int) -> None:
        self._write(title, "heading", {"label": path[-1], "heading_path": path, "level": level})

    def paragraph(self, shown: str, path: list[str], turn: Turn | None = None) -> tuple[int, int]:
        place = {"label": path[-1], "heading_path": path} if turn is None else _place(turn, path)
        return self._write(shown, "paragraph", place)

    def item(self, shown: str, locator: dict[str, Any]) -> None:
        self._write(shown, "list_item", locator)

    def _write(self, shown: str, kind: str, locator: dict[str, Any]) -> tuple[int, int]:
        if self.text:
            self.text.append("\n\n")
            self._length += 2
        start, self._length = self._length, self._length + len(shown)
        self.text.append(shown)
        self.blocks.append(Block(start, self._length, kind, locator))
        return start, self._length
