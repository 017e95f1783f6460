"""Random worlds of knowledge bases, tiers and grants, and what of one an asker may see: plain data.

``reduced`` is written from the contract and from nothing of the code that decides.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

Tier = Literal["free", "paid"]
Reason = Literal["draft", "private", "no api access", "not allowed"]
"""Why a knowledge base is not there for somebody; the last two hold for keys alone."""

PEOPLE = ["张伟", "李娜", "王芳", "赵磊", "Alice", "Bruno", "Chandra", "Dolores", "陳靜", "吳強"]
THINGS = ["试用期", "年休假", "押金", "租期", "月薪", "保修期", "違約金", "deposit", "notice", "salary"]
THINGS += ["holiday", "warranty"]
UNITS = ["天", "个月", "元", "days", "months", "dollars"]
SYLLABLES = ["ka", "zor", "min", "tal", "vex", "quo", "rib", "dun", "yal", "hep", "sof", "gri"]


@dataclass(frozen=True)
class Document:
    """``tier`` and ``text`` are what they are in the end; ``was`` and ``earlier`` what they were at first.
    ``edition`` is which of its base's rules it is, if any."""

    name: str
    tier: Tier
    text: str
    canary: str
    was: Tier
    earlier: str | None = None
    removed: bool = False
    edition: str | None = None


@dataclass(frozen=True)
class Base:
    """A knowledge base; ``readers`` hold a live grant on it. ``samples`` are the questions its owner would
    show; those that nothing in it answers are not taken."""

    number: int
    name: str
    owner: str
    summary: str
    visibility: str
    published: bool
    api_access: bool
    documents: tuple[Document, ...]
    samples: tuple[str, ...] = ()
    readers: frozenset[str] = frozenset()

    @property
    def shown(self) -> bool:
        return self.published and self.visibility != "private"


@dataclass(frozen=True)
class World:
    """Everything there is. ``allowed`` is the key's allow-list. Where it is not ``settled``, the worker has
    not run since documents were removed and moved behind payment."""

    bases: tuple[Base, ...]
    questions: tuple[str, ...]
    allowed: frozenset[str] | None
    settled: bool

    @property
    def canaries(self) -> set[str]:
        return {document.canary for base in self.bases for document in base.documents}


CREATORS = ("creator1", "creator2")
READERS = ("reader1", "reader2")


def drawn(seed: int) -> World:
    """The world of this seed."""
    chance = random.Random(seed)
    settled = chance.random() < 0.7
    subjects = chance.sample([(person, thing) for person in PEOPLE for thing in THINGS], 8)
    bases = tuple(_base(chance, number, subjects, settled=settled) for number in range(chance.randint(3, 4)))
    # Somebody to ask several as: who has something open asks the rest in their free tier beside it.
    first = bases[0]
    bases = (replace(first, published=True, readers=first.readers | {"reader1"}), *bases[1:])
    hidden = [document.canary for base in bases for document in base.documents]
    asked = [_question(person, thing) for person, thing in chance.sample(subjects, 3)]
    questions = (*asked, f"What is {chance.choice(hidden)}?", " ".join(chance.sample(THINGS, 3)))
    names = [base.name for base in bases]
    allowed = frozenset(chance.sample(names, 2)) if chance.random() < 0.5 else None
    return World(bases, questions, allowed, settled)


def closing(world: World, asker: str, reason: Reason) -> World:
    """The world with its last base closed to ``asker``, for this reason and no other."""
    *rest, last = world.bases
    last = replace(
        last,
        owner=next(name for name in CREATORS if name != asker),
        readers=last.readers - {asker},
        published=reason != "draft",
        visibility="private" if reason == "private" else "public",
        api_access=reason != "no api access",
    )
    allowed = world.allowed
    if reason == "not allowed":
        allowed = frozenset(base.name for base in rest)
    elif allowed is not None:
        allowed |= {last.name}
    return replace(world, bases=(*rest, last), allowed=allowed)


def _base(chance: random.Random, number: int, subjects: Sequence[tuple[str, str]], *, settled: bool) -> Base:
    # The first base is open to reader1, the others to whom it happens.
    readers = frozenset(name for name in READERS if chance.random() < 0.35)
    documents = tuple(
        _document(chance, f"b{number}d{n}", subjects, settled=settled, closed=number > 0 and not readers)
        for n in range(chance.randint(2, 4))
    )
    # An older edition of a work that is free, a newer one that is paid.
    frees, paids = ([d for d in documents if d.tier == tier and not d.removed] for tier in ("free", "paid"))
    dated = {d.name: year for found, year in ((frees, "2007"), (paids, "2012")) for d in found[:1]}
    documents = tuple(replace(document, edition=dated.get(document.name)) for document in documents)
    samples = [_question(person, thing) for person, thing in chance.sample(list(subjects), 3)]
    # What free text answers, with a word of paid text alone: not to be shown to who may not read that.
    live = [document for document in documents if not document.removed]
    said = [(_answered(d.text, subjects), d) for d in live if d.tier == "free"]
    samples += [f"{q} {d.canary}" for q, _ in said[:1] for d in live if d.tier == "paid"][:1]
    samples += [q for q, _ in said[:1]]
    return Base(
        number=number,
        name=f"base{number} {_word(chance)}",
        owner=chance.choice(CREATORS),
        summary=" ".join(chance.sample(THINGS, 2)),
        visibility=chance.choice(["public", "public", "unlisted", "private"]),
        published=chance.random() < 0.8,
        api_access=chance.random() < 0.8,
        documents=documents,
        samples=tuple(samples),
        readers=readers,
    )


def _document(
    chance: random.Random, name: str, subjects: Sequence[tuple[str, str]], *, settled: bool, closed: bool
) -> Document:
    tier: Tier = chance.choice(["free", "paid"])
    was, earlier = tier, None
    removed = chance.random() < 0.15
    if settled:
        was = chance.choice([tier, tier, "free", "paid"])
        earlier = text_of(chance, subjects, _word(chance)) if chance.random() < 0.25 else None
    elif closed and tier == "paid":
        was = chance.choice(["free", "paid"])
    canary = _word(chance)
    return Document(
        f"{name} {canary}", tier, text_of(chance, subjects, canary), canary, was, earlier, removed
    )


def text_of(chance: random.Random, subjects: Sequence[tuple[str, str]], canary: str) -> str:
    """A little text about some of the subjects, with its canary in a heading and in a sentence."""
    said = chance.sample(list(subjects), chance.randint(2, 4))
    lines = [_statement(chance, person, thing) for person, thing in said]
    return f"# {canary}\n\n{lines[0]}\n\n## {said[-1][1]} {canary}\n\n" + "\n\n".join(
        [*lines[1:], f"What is {canary}? It is the {_word(chance)} of {said[0][0]}."]
    )


def _answered(text: str, subjects: Sequence[tuple[str, str]]) -> str:
    """A question that this text answers."""
    lines = text.splitlines()
    return next(_question(p, t) for p, t in subjects if any(p in line and t in line for line in lines))


def _statement(chance: random.Random, person: str, thing: str) -> str:
    number, unit = chance.randint(2, 90), chance.choice(UNITS)
    if thing.isascii():
        return f"The {thing} of {person} is {number} {unit}, as agreed in {chance.randint(1990, 2024)}."
    return f"{person}的{thing}是{number}{unit}，约定于{chance.randint(1990, 2024)}年。"


def _question(person: str, thing: str) -> str:
    return f"What is the {thing} of {person}?" if thing.isascii() else f"{person}的{thing}是多少？"


def _word(chance: random.Random) -> str:
    return "".join(chance.choice(SYLLABLES) for _ in range(5))


def reduced(world: World, asker: str) -> World:
    """What ``asker`` may see and nothing else, settled. That a base sells paid documents may be known, so
    one of another text stands for however many are closed to them."""
    bases = []
    for base in world.bases:
        whole = asker == base.owner or asker in base.readers
        if asker == "key":
            whole = base.shown and base.api_access
            if not whole or (world.allowed is not None and base.name not in world.allowed):
                continue
        if not whole and not base.shown:
            continue
        live = [replace(d, was=d.tier, earlier=None) for d in base.documents if not d.removed]
        closed = [d for d in live if d.tier == "paid" and not whole]
        seen = [d for d in live if d not in closed]
        if closed:
            other = "# Other\n\nAn entirely other text of nothing in particular."
            seen.append(Document(stands_in(base), "paid", other, "other", "paid"))
        bases.append(replace(base, documents=tuple(seen)))
    return World(tuple(bases), world.questions, world.allowed, settled=True)


def stands_in(base: Base) -> str:
    """The name of the paid document that stands for those that are closed."""
    return f"other of {base.name}"


def closed_to(world: World, asker: str) -> set[str]:
    """The canaries of every live or former document that this asker may not read."""
    open_ones = reduced(world, asker).canaries
    return {canary for canary in world.canaries if canary not in open_ones}
