"""Names that lead where a test says, and what must not be reached by them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager


class Names:
    """A resolver of the tests': the answers for a name are given out one after another, the last for good."""

    def __init__(self, known: dict[str, list[list[str]]]) -> None:
        self.known, self.asked = known, list[str]()

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host not in self.known:
            raise OSError("no such name")
        answers = self.known[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def names(**known: list[str]) -> Names:
    """Names that always mean the same; a dot is written as an underscore."""
    return Names({name.replace("_", "."): [addresses] for name, addresses in known.items()})


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[int, list[bytes]]]:
    """Something inside that must not be reached: what came to it."""
    came: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(await reader.read(100))
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], came
    finally:
        server.close()
