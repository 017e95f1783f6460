"""What stands in addresses, by its name: its form and an example, as the OpenAPI document tells them.

The form is no narrower than what is taken, and no wider than what is refused with 400 or 404 otherwise.
"""

from typing import Any

Json = dict[str, Any]

SLUG = r"^[^\s/?#]{1,80}$"
"""Letters and digits of any script, joined by hyphens; where an id may stand too, that is of this form."""
MOMENT: Json = {
    "anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}],
    "examples": ["2026-11-01", "2026-11-21T08:30:00Z"],
}

FORMS: dict[str, Json] = {
    "at": MOMENT,
    "category": {"examples": ["garden"]},
    "currency": {"examples": ["cny"]},
    "from": MOMENT,
    "id_or_slug": {"pattern": SLUG, "examples": ["rose-notes", "玫瑰筆記"]},
    "knowledge_base": {"pattern": SLUG, "examples": ["rose-notes", "玫瑰筆記"]},
    "language": {"examples": ["zh", "en"]},
    "model": {"examples": ["kb/rose-notes"]},
    "month": {"examples": ["2026-11"]},
    "q": {"examples": ["阳台 玫瑰", "roses"]},
    "tag": {"examples": ["roses"]},
    "to": MOMENT,
    "tz": {"pattern": "^[A-Za-z][A-Za-z0-9_+/-]{0,63}$", "examples": ["Asia/Shanghai", "UTC"]},
}
"""Completes the schema of a parameter; one of several alternatives takes the place of its type."""

FIELDS: dict[str, Json] = {
    "month": {"pattern": "^[0-9]{4}-[0-9]{2}$"},
    "slug": {"pattern": SLUG},
}
"""The same of plain texts in answers."""


def complete_parameter(name: str, schema: Json) -> None:
    """Says of a parameter what its type does not."""
    form = FORMS.get(name, {})
    if "anyOf" in form:
        schema.pop("type", None)
    for word, said in form.items():
        schema.setdefault(word, said)


def complete_field(name: str, schema: Json) -> None:
    """Says it of an answer's field, or of the alternative of it that is a text."""
    for each in schema.get("anyOf", [schema]):
        if each.get("type") == "string" and "format" not in each:
            for word, said in FIELDS.get(name, {}).items():
                each.setdefault(word, said)
