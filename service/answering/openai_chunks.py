"""The chunks of a streamed chat completion, out of the bytes that came.

Read with msgspec, and only what is used of them: the ``openai`` package makes objects of five classes of
each, which was a quarter of all that an answer cost.
"""

import json
from typing import Any

import msgspec

from service.answering.model import ModelUnavailable

LONGEST_EVENT = 1 << 20
"""Bytes. No chunk is near it; a server that sends so much without an end sends no chunks."""

END = b"[DONE]"


class Delta(msgspec.Struct):
    content: Any = None


class Choice(msgspec.Struct):
    delta: Delta | None = None
    finish_reason: Any = None


class Usage(msgspec.Struct):
    prompt_tokens: Any = None
    completion_tokens: Any = None


class Chunk(msgspec.Struct):
    """What servers send beside, and of what type, is nobody's concern."""

    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: Any = None

    @property
    def text(self) -> str:
        """Storable: no NUL, no half of a character."""
        said = [c.delta.content for c in self.choices or () if c.delta and isinstance(c.delta.content, str)]
        return "".join(said).replace("\0", "").encode("utf-8", "ignore").decode()

    @property
    def ended(self) -> bool:
        """Whether no text follows."""
        return any(choice.finish_reason is not None for choice in self.choices or ())


_decoder = msgspec.json.Decoder(Chunk)


def read_chunk(data: bytes) -> Chunk:
    """Raises ``ModelUnavailable`` for what is no chunk, and for an error told in a chunk's place."""
    try:
        chunk = _read(data)
    except (ValueError, RecursionError) as error:  # msgspec's errors and those of UTF-8 are ValueErrors
        raise ModelUnavailable("broken") from error
    if chunk.error:
        raise ModelUnavailable("broken")
    return chunk


def _read(data: bytes) -> Chunk:
    try:
        return _decoder.decode(data)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # Servers that cut between the halves of a character send a lone one, which msgspec does not read.
        return msgspec.convert(json.loads(data), Chunk)


class EventReader:
    """Cuts server-sent events out of bytes, however they arrive: the ``data`` of each, in order."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._held = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """The events that this piece completes. Raises ``ModelUnavailable`` for one without an end."""
        lines = (self._rest + piece).splitlines(keepends=True)
        # What follows a carriage return may still belong to its line's end.
        self._rest = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        found: list[bytes] = []
        for ended in lines:
            line = ended.rstrip(b"\r\n")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
                self._held += len(line)
            elif not line and self._data:
                found.append(b"\n".join(self._data))
                self._data, self._held = [], 0
        if self._held + len(self._rest) > LONGEST_EVENT:
            raise ModelUnavailable("broken")
        return found
