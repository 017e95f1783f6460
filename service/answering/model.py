"""What the service asks of a language model: text as it comes, then what it cost."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol


class ModelUnavailable(Exception):
    """The model gave no answer: it cannot be reached, refused the request, stalled, or sent rubbish.

    The text is ours and for the caller; what the model's server said is logged, not shown.
    """

    def __init__(self, reason: Literal["unreachable", "rejected", "stalled", "broken"]) -> None:
        super().__init__("The language model gave no answer. Nothing was billed; please try again.")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a prompt."""

    role: Literal["system", "user"]
    content: str


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """The model's own report. Tokens are ``None`` when its server reports none: nothing is guessed."""

    input_tokens: int | None
    output_tokens: int | None


ModelEvent = str | ModelUsage
"""Some text of the reply, or last of all and at most once, its usage."""


class Model(Protocol):
    """A chat model."""

    @property
    def name(self) -> str:
        """As its server knows it; written on the answer."""

    def reply(self, messages: Sequence[Message]) -> AbstractAsyncContextManager[AsyncIterator[ModelEvent]]:
        """One reply as it is written, at most as long as configured. Leaving the block ends the upstream
        request, whether or not the reply was finished. Raises ``ModelUnavailable``, also in its middle."""

    async def close(self) -> None:
        """Closes its connections."""
