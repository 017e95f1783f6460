"""Chat exports as documents: messages with speaker and time, grouped into conversations by silences."""

import base64
import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from search.passages.cutting import Block
from service.knowledge.parsing.parsed import Parsed

_NOBODY = {"我", "你", "自己", "本人", "me", "you", "系统消息", "system"}
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
LEAST_NAME = 2
"""Characters of a name that is hidden inside messages too: a shorter one is nearly any word."""


@dataclass(frozen=True, slots=True)
class Message:
    """``at`` is the time of the export's own clock, which names no zone; None where it names no time."""

    speaker: str
    at: datetime | None
    text: str


def conversations(messages: Sequence[Message], *, gap: timedelta) -> list[list[Message]]:
    """The messages in their order, divided where nothing was said for longer than ``gap``."""
    groups: list[list[Message]] = []
    last: datetime | None = None
    for message in messages:
        silent = last is not None and message.at is not None and message.at - last > gap
        if not groups or silent:
            groups.append([])
        groups[-1].append(message)
        last = message.at or last
    return groups


def render(messages: Sequence[Message], *, gap: timedelta) -> Parsed:
    """The chat as a text: a heading for each conversation, then its messages, located by who and when."""
    text: list[str] = []
    blocks: list[Block] = []
    length = 0

    def write(shown: str, kind: str, locator: dict[str, Any]) -> None:
        nonlocal length
        if text:
            text.append("\n\n")
            length += 2
        blocks.append(Block(length, length + len(shown), kind, locator))
        text.append(shown)
        length += len(shown)

    for group in conversations(messages, gap=gap):
        span = _span(group)
        path = [span] if span else []
        if span:
            write(span, "heading", {"label": span, "heading_path": path, "level": 2})
        for message in group:
            when = "" if message.at is None else f" {message.at:%H:%M:%S}"
            write(f"{message.speaker}{when}\n{message.text}", "paragraph", _locator(message, path))
    return Parsed("".join(text), blocks)


def _locator(message: Message, path: list[str]) -> dict[str, Any]:
    locator: dict[str, Any] = {"label": message.speaker, "heading_path": path, "speaker": message.speaker}
    if message.at is not None:
        locator["time"] = message.at.isoformat()
        locator["label"] = f"{message.speaker} · {message.at:%Y-%m-%d %H:%M}"
    return locator


def _span(group: Sequence[Message]) -> str:
    """From when to when a conversation went; empty where nobody knows."""
    times = [message.at for message in group if message.at is not None]
    if not times:
        return ""
    first, last = times[0], times[-1]
    begun = f"{first:%Y-%m-%d %H:%M}"
    if first.date() != last.date():
        return f"{begun} – {last:%Y-%m-%d %H:%M}"
    return begun if f"{last:%H:%M}" == f"{first:%H:%M}" else f"{begun} – {last:%H:%M}"


class Pseudonyms:
    """Names of speakers replaced by ones that are the same in every import with this ``key``, and that lead
    back to nobody who has not the key. Names a chat's own speakers do not carry are not known, and stay."""

    def __init__(self, key: bytes, messages: Sequence[Message]) -> None:
        speakers = {message.speaker for message in messages}
        wide = sum(1 for speaker in speakers if _WIDE.search(speaker))
        self._label = "成员" if 2 * wide >= len(speakers) else "Member "
        self._names = {speaker: self._name(key, speaker) for speaker in speakers}
        inside = sorted((name for name in speakers if _can_be_hidden_inside(name)), key=len, reverse=True)
        self._inside = re.compile("|".join(map(_pattern, inside)), re.IGNORECASE) if inside else None
        self._folded = {name.casefold(): shown for name, shown in self._names.items()}

    def _name(self, key: bytes, speaker: str) -> str:
        digest = hmac.digest(key, speaker.casefold().encode(), "sha256")
        return self._label + base64.b32encode(digest)[:6].decode()

    def hide(self, messages: Sequence[Message]) -> Iterator[Message]:
        """The messages with speakers, and their names in what is said, replaced."""
        for message in messages:
            yield replace(message, speaker=self._names[message.speaker], text=self.hide_in(message.text))

    def hide_in(self, text: str) -> str:
        """The text with the speakers' names replaced."""
        if self._inside is None:
            return text
        return self._inside.sub(lambda found: self._folded[found[0].casefold()], text)


def _can_be_hidden_inside(name: str) -> bool:
    return len(name) >= LEAST_NAME and name.casefold() not in _NOBODY


def _pattern(name: str) -> str:
    """The name as a whole word, where its script has words."""
    before = r"(?<![A-Za-z0-9_])" if name[0].isascii() and name[0].isalnum() else ""
    after = r"(?![A-Za-z0-9_])" if name[-1].isascii() and name[-1].isalnum() else ""
    return f"{before}{re.escape(name)}{after}"
