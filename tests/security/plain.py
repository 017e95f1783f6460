"""Two services made comparable: what they say, without what differs between any two of the same content."""

import re
from uuid import uuid4

from tests.security.market import Market
from tests.security.worlds import World

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)|\b\d{4}-\d\d-\d\d\b"
    r'|(?<="created":)\d+|(?<="created_at":)\d+|(?<="completed_at":)\d+'
)
_NONCE = re.compile(r"passage-[0-9a-f]{12}")
_SIGNED = re.compile(
    r'"(?:jws|kid|signature|signed|next_cursor|resume_cursor|question_hash|answer_hash|question_salt|answer_salt|salt)":\s*"[^"]*"'
    r'|"(?:seen_hashes|cited_hashes)":\s*\[[^\]]*\]'
)
# How many documents a base sells is told to everybody; how many of them there are here is not under test.
_SOLD = re.compile(r'(?<="paid":)\d+(?=\})|\d+(?= (?:篇付费文档|paid document))')

Seen = dict[str, str]


def plain(market: Market, text: str) -> str:
    """A response without what differs between two services of the same content."""
    for name, id in market.ids.items():
        text = text.replace(id, f"<{name}>")
    for name, slug in market.slugs.items():
        text = text.replace(slug, f"<{name}>")
    text = _SOLD.sub("#", _SIGNED.sub("<signed>", text))
    return _TIME.sub("<time>", _NONCE.sub("passage-#", _UUID.sub("<id>", text)))


def unknown(market: Market, world: World, known: World) -> list[str]:
    """The bases that are in ``world`` alone. Where they do not exist, they get ids and slugs of nothing."""
    names = [base.name for base in world.bases if base.name not in {known.name for known in known.bases}]
    for name in names:
        market.ids.setdefault(name, str(uuid4()))
        market.slugs.setdefault(name, uuid4().hex[:12])
    return names
