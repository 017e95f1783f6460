"""Reading chat exports: the texts and pages that WeChat and the tools around it write."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from service.knowledge.parsing import html
from service.knowledge.parsing.decoding import decode
from service.knowledge.parsing.parsed import UnreadableFile
from service.knowledge.sources.articles import BEIJING
from service.knowledge.sources.chats import Message

_DATE = r"\d{4}\s*[-/.年]\s*\d{1,2}\s*[-/.月]\s*\d{1,2}\s*日?"
_TIME = r"(?:凌晨|早上|上午|中午|下午|晚上)?\s*\d{1,2}:\d{2}(?::\d{2})?(?:\s*[AaPp][Mm])?"
_WHEN = rf"(?P<date>{_DATE}),?\s*(?:星期[一二三四五六日天]|周[一二三四五六日天])?\s*(?P<time>{_TIME})"
_NAME = r"(?P<name>\S(?:[^\n]{0,60}?\S)?)"

_DIVIDER = re.compile(rf"[\s—–\-=─_*]*(?P<date>{_DATE})\s*(?:星期.|周.)?[\s—–\-=─_*]*")
_HEADERS = (
    # [2024-05-01 10:02:33] 张三: 对, 2024/5/1 10:02 - Ann: yes
    re.compile(
        rf"[(（\[]?\s*{_WHEN}\s*[)）\]]?\s*[-–—]?\s*(?P<name>[^\n:：]{{1,60}}?)\s*[:：]\s*(?P<said>.*)"
    ),
    # 2024-05-01 10:02:33 张三
    re.compile(rf"[(（\[]?\s*{_WHEN}\s*[)）\]]?\s*[-–—]?\s*{_NAME}"),
    # 张三 2024-05-01 10:02:33, 张三(2024-05-01 10:02:33):对
    re.compile(rf"{_NAME}\s*[(（\[]?\s*{_WHEN}\s*[)）\]]?\s*(?:[:：]\s*(?P<said>.*))?"),
)
# Below a line that names the day.
_HEADER_OF_DAY = re.compile(rf"{_NAME}\s+(?P<time>{_TIME})")
_UNTIMED = re.compile(r"(?P<name>[^\s:：][^\n:：]{0,30}?)\s*[:：]\s*(?P<said>.*)")
_NUMBERS = re.compile(r"\d+")
_IDENTITY = re.compile(r"\s*[(（<]\s*(?:wxid_\w+|[\w.+-]+@[\w.-]+)\s*[)）>]\s*$")

_NAMES = re.compile(r"(?:^|[-_])(?:(?:nick|dsp_?|display-?|user-?)?name|nick|sender|from|speaker)(?:$|[-_])")
_TIMES = re.compile(r"(?:^|[-_])(?:time|date|timestamp|datetime)(?:$|[-_])")
_TEXTS = re.compile(r"(?:^|[-_])(?:text|content|bubble|body)(?:$|[-_])")
_OWN = re.compile(r"(?:^|[-_\s])(?:right|self|me|mine|send|sent|own)(?:$|[-_\s])")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LISTS = re.compile(r"(?:chatMessages|messages|msgs|msgList|chatData|data)\s*[=:]\s*(?=\[)")
_FIELDS = {
    "speaker": ("displayname", "display_name", "nickname", "sender", "from", "name", "talker", "speaker"),
    "text": ("text", "content", "msg", "message", "str_content", "StrContent"),
    "time": ("timestamp", "time", "create_time", "createTime", "CreateTime", "date", "str_time", "StrTime"),
}
SELF, OTHER = "我", "对方"


def read_chat(name: str, data: bytes) -> list[Message]:
    """The messages of an export, in its order.

    Raises ``UnreadableFile``: what ``decode`` does, ``not_a_chat`` where no message is recognized.
    """
    text = decode(data, declared=html.declared_encoding(data))
    messages = list(_of_page(text) if _is_page(name, text) else _of_text(text))
    said = [message for message in messages if message.text.strip()]
    if not said:
        raise UnreadableFile("not_a_chat", "No message with a speaker was recognized in the file.")
    return said


def _is_page(name: str, text: str) -> bool:
    return name.lower().endswith((".html", ".htm")) or text.lstrip()[:200].lower().startswith(
        ("<!doctype", "<html")
    )


def _of_text(text: str) -> list[Message]:
    lines = text.removeprefix("\ufeff").splitlines()
    timed = list(_timed(lines))
    return timed or list(_untimed(lines))


def _timed(lines: list[str]) -> Iterator[Message]:
    """Messages under headers with a time; what stands before the first is no message."""
    day: str | None = None
    current: tuple[str, datetime | None] | None = None
    said: list[str] = []
    for line in lines:
        bare = line.strip()
        divider = _DIVIDER.fullmatch(bare) if bare else None
        header = None if divider else _header(bare, day)
        if divider is None and header is None:
            said.append(line.rstrip())
            continue
        if current is not None:
            yield Message(*current, "\n".join(said).strip())
        said = []
        if divider is not None:
            day, current = divider["date"], None
        elif header is not None:
            current = header[:2]
            said = [header[2]] if header[2] else []
    if current is not None:
        yield Message(*current, "\n".join(said).strip())


def _header(line: str, day: str | None) -> tuple[str, datetime, str] | None:
    """Who speaks when, and what they say on the same line."""
    if not line or len(line) > 2000:
        return None
    for pattern in _HEADERS:
        found = pattern.fullmatch(line)
        at = _moment(found["date"], found["time"]) if found else None
        if found is not None and at is not None:
            return _speaker(found["name"]), at, (found.groupdict().get("said") or "")
    if day is not None and (found := _HEADER_OF_DAY.fullmatch(line)) is not None:
        at = _moment(day, found["time"])
        if at is not None:
            return _speaker(found["name"]), at, ""
    return None


def _untimed(lines: list[str]) -> Iterator[Message]:
    """Messages that only a name and a colon begin."""
    speaker: str | None = None
    said: list[str] = []
    for line in lines:
        found = _UNTIMED.fullmatch(line.strip())
        if found is None or found["name"].lower() in {"http", "https"}:
            said.append(line.rstrip())
            continue
        if speaker is not None:
            yield Message(speaker, None, "\n".join(said).strip())
        speaker, said = _speaker(found["name"]), [found["said"]]
    if speaker is not None:
        yield Message(speaker, None, "\n".join(said).strip())


def _speaker(name: str) -> str:
    return _IDENTITY.sub("", name.strip().rstrip(":：").strip(' \t"“”')) or name.strip()


def _moment(date: str, time: str) -> datetime | None:
    """The time they name together; None when there is no such time."""
    year, month, day = (int(number) for number in _NUMBERS.findall(date)[:3])
    hour, minute, *second = (int(number) for number in _NUMBERS.findall(time)[:3])
    late = re.search(r"下午|晚上|[Pp][Mm]", time) is not None
    if (late and hour < 12) or ("中午" in time and hour < 3):
        hour += 12
    elif hour == 12 and re.search(r"凌晨|[Aa][Mm]", time):
        hour = 0
    try:
        return datetime(year, month, day, hour, minute, second[0] if second else 0)
    except ValueError:
        return None


def _of_page(source: str) -> list[Message]:
    """Messages of a page: out of the data in its script, or of its elements by what their classes are
    called, or else out of its text."""
    tree = LexborHTMLParser(html.flattened(source))
    found = list(_scripted(tree)) or list(_classed(tree))
    if found:
        return found
    return _of_text(html.parse(source).text)


def _scripted(tree: LexborHTMLParser) -> Iterator[Message]:
    decoder = json.JSONDecoder()
    for script in tree.css("script"):
        code = script.text() or ""
        for start in _LISTS.finditer(code):
            try:
                decoded, _ = decoder.raw_decode(code, start.end())
            except (ValueError, RecursionError):
                continue
            if isinstance(decoded, list):
                yield from (message for each in decoded if (message := _of_fields(each)) is not None)


def _of_fields(value: Any) -> Message | None:
    if not isinstance(value, dict):
        return None

    def field(kind: str) -> Any:
        return next((value[name] for name in _FIELDS[kind] if value.get(name) not in (None, "")), None)

    text, speaker, time = field("text"), field("speaker"), field("time")
    if not isinstance(text, str):
        return None
    if not isinstance(speaker, str):
        speaker = SELF if value.get("is_send") or value.get("isSend") or value.get("IsSender") else OTHER
    return Message(_speaker(speaker), _stamp(time), text.strip())


def _stamp(value: Any) -> datetime | None:
    """A time as seconds or milliseconds since 1970, or written; of seconds, Beijing's clock."""
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if value > 10**11 else value
        try:
            return datetime.fromtimestamp(seconds, BEIJING).replace(tzinfo=None, microsecond=0)
        except (ValueError, OverflowError, OSError):
            return None
    return _written(value) if isinstance(value, str) else None


def _written(text: str) -> datetime | None:
    found = re.search(_WHEN.replace(r",?\s*", r"[T,]?\s*", 1), text)
    return _moment(found["date"], found["time"]) if found else None


def _classed(tree: LexborHTMLParser) -> Iterator[Message]:
    """Walks the elements in order: a name and a time hold for the texts after them."""
    speaker: str | None = None
    at: datetime | None = None
    day: str | None = None
    for node in tree.css("[class]"):
        classes = _classes(node)
        if any(_NAMES.search(each) for each in classes):
            speaker = _speaker(node.text() or "") or speaker
        elif any(_TIMES.search(each) for each in classes):
            shown = " ".join([node.attributes.get("title") or "", node.text() or ""])
            if (found := _written(shown)) is not None:
                at, day = found, f"{found:%Y-%m-%d}"
            elif (divider := re.search(_DATE, shown)) is not None:
                day = divider[0]
            elif day is not None and (time := re.search(_TIME, shown)) is not None:
                at = _moment(day, time[0])
        elif any(_TEXTS.search(each) for each in classes) and not _holds_more(node):
            said = html.parse(f"<html><body>{node.html}</body></html>").text.strip()
            if said and (speaker is not None or at is not None):
                yield Message(speaker or _side(node), at, said)


def _classes(node: LexborNode) -> list[str]:
    return [_CAMEL.sub("-", each).lower() for each in (node.attributes.get("class") or "").split()]


def _holds_more(node: LexborNode) -> bool:
    """Whether names, times or texts stand inside: then it is the frame of a message, not its text."""
    return any(
        pattern.search(each)
        for inner in node.css("[class]")
        if inner.mem_id != node.mem_id
        for each in _classes(inner)
        for pattern in (_NAMES, _TIMES, _TEXTS)
    )


def _side(node: LexborNode) -> str:
    """Whose message it is where no name says so: one's own stands on the right."""
    above: LexborNode | None = node
    for _ in range(4):
        if above is None:
            break
        if _OWN.search(" ".join(_classes(above))):
            return SELF
        above = above.parent
    return OTHER
