"""The people of the story: ordinary accounts, by which a second start knows what was told."""

from dataclasses import dataclass, field
from typing import Any

from service.demo.telling import Teller

PASSWORD = "zhihao-demo"  # noqa: S105 - printed by the demo, which serves this machine alone
TITLE = "Python 實戰課"
LIBRARY_TITLE = "律师的法律图书馆"


@dataclass
class Person:
    """One account and, once signed in, its access token."""

    email: str
    name: str
    token: str = ""

    async def register(self, teller: Teller) -> None:
        body = {"email": self.email, "password": PASSWORD, "display_name": self.name}
        self._signed_in(await teller.call("POST", "/auth/register", json=body, expect=201))

    async def log_in(self, teller: Teller) -> bool:
        """Whether there is such an account; it is signed in then."""
        body = {"email": self.email, "password": PASSWORD}
        answer = await teller.call("POST", "/auth/login", json=body, expect=None, quiet=True)
        if "access_token" not in answer:
            return False
        self._signed_in(answer)
        return True

    def _signed_in(self, answer: dict[str, Any]) -> None:
        self.token = answer["access_token"]


@dataclass
class Cast:
    """Everybody of the ``number``-th time the story is told on one data folder."""

    number: int
    creator: Person = field(init=False)
    reader: Person = field(init=False)
    enterprise: Person = field(init=False)
    lawyer: Person = field(init=False)

    def __post_init__(self) -> None:
        self.creator = self._person("creator", "林知行")
        self.reader = self._person("reader", "Ada Chen")
        self.enterprise = self._person("enterprise", "Grace Wu")
        self.lawyer = self._person("lawyer", "周明法")

    @property
    def suffix(self) -> str:
        return "" if self.number == 1 else f"-{self.number}"

    def _person(self, role: str, name: str) -> Person:
        return Person(f"{role}{self.suffix}@zhihao.example", name)


@dataclass(frozen=True)
class Shelf:
    """A published knowledge base and what the story needs of it later."""

    id: str
    slug: str
    title: str
    plans: dict[str, str] = field(default_factory=dict)
    """Plan ids by interval."""
