"""Slugs: the readable part of a knowledge base's address, made from its title and never changed after."""

import re
import unicodedata
from uuid import UUID

MAX_CHARACTERS = 60
_NOT_A_WORD = re.compile(r"[\W_]+")


def slug_of(title: str) -> str:
    """The title's letters and digits of any script, in lower case, joined by hyphens: ``python-實戰課``.

    ``kb`` when the title has none. Never of the form of an id, which shares its place in addresses.
    """
    normal = unicodedata.normalize("NFKC", title).casefold()
    slug = _NOT_A_WORD.sub("-", normal).strip("-")[:MAX_CHARACTERS].strip("-") or "kb"
    return f"kb-{slug}" if is_id(slug) else slug


def with_suffix(slug: str, knowledge_base_id: UUID) -> str:
    """For a slug that is taken: the last six hexadecimal digits of the id, which are random, behind it."""
    return f"{slug}-{knowledge_base_id.hex[-6:]}"


def is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
