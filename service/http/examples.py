"""Examples for the OpenAPI document, made from its schemas: each is valid by the schema it stands beside."""

from typing import Any

Json = dict[str, Any]

ID = "0199a5a0-5f0e-7c6e-8f59-4b1d7c1f2a02"
BASE = "0199a5a1-3c44-7d12-9a0e-6f2b8c1d4e50"
TEXT = "Feed roses with potash in spring."
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

WORDS: dict[str, Any] = {
    "access_token": "eyJhbGciOiJIUzI1NiJ9.e30.4XKb",
    "account_id": ID,
    "amount": 990,
    "bio": "Gardener, twenty years of roses.",
    "category": "garden",
    "code": "knowledge_base_not_found",
    "country": "cn",
    "currency": "cny",
    "details": "Bank of Example, 1234 5678",
    "display_name": "Lin Zhixing",
    "email": "lin@example.com",
    "end": len(TEXT),
    "file": "(the file's bytes)",
    "handle": "lin",
    "interval": "month",
    "knowledge_base_id": BASE,
    "language": "en",
    "marker": "[1]",
    "message": "Thank you!",
    "model": "kb/rose-notes",
    "month": "2026-11",
    "month_end": "2026-11-30",
    "name": "Rose Notes",
    "password": "correct horse battery",
    "prefix": "zh_live_3kTt",
    "query": "when to feed roses",
    "question": "When should I feed roses?",
    "quote": TEXT,
    "rate_limit": 600,
    "refresh_token": "0fDkS9hV",
    "request_id": ID,
    "secret": "zh_live_…",
    "sha256": SHA256,
    "slug": "rose-notes",
    "summary": "Notes about roses.",
    "text": TEXT,
    "title": "Rose Notes",
    "token_type": "bearer",
    "tz": "Asia/Shanghai",
    "url": "https://example.com/roses",
}
"""What a field of that name holds, where its schema allows it."""

BODIES: dict[str, Json] = {
    "Ask": {"question": WORDS["question"]},
    "ChatBody": {
        "model": WORDS["model"],
        "messages": [{"role": "user", "content": WORDS["question"]}],
        "stream": False,
    },
    "DocumentChanges": {"tier": "free"},
    "EndpointChanges": {"enabled": False},
    "ImportBody": {"kind": "feed", "url": "https://example.com/roses.xml", "tier": "paid"},
    "KnowledgeBaseBody": {
        "title": WORDS["title"],
        "summary": WORDS["summary"],
        "category": "garden",
        "tags": ["roses"],
        "language": "en",
        "free_questions": 3,
    },
    "KnowledgeBaseChanges": {"summary": WORDS["summary"], "api_price": {"amount": 5, "currency": "cny"}},
    "NewKey": {
        "name": "agent",
        "scopes": ["passages:read", "answers:write"],
        "knowledge_base_ids": [BASE],
        "monthly_cap": {"amount": 100000, "currency": "cny"},
        "rate_limit": 600,
    },
    "PackagingChanges": {"tagline": "Roses, year in, year out"},
    "PassagesBody": {"query": WORDS["query"], "knowledge_base_ids": [BASE], "top_k": 5},
    "PlanBody": {"interval": "month", "price": {"amount": 990, "currency": "cny"}, "trial_days": 7},
    "PlanChanges": {"status": "archived"},
    "ResponsesBody": {"model": WORDS["model"], "input": WORDS["question"]},
    "SubscriptionChanges": {"cancel_at_period_end": True},
    "TipBody": {"handle": "lin", "price": {"amount": 600, "currency": "cny"}, "message": "Thank you!"},
}
"""Requests that say more than what is required of them."""

FORMATS = {
    "uuid": ID,
    "date-time": "2026-11-21T08:30:00Z",
    "date": "2026-11-21",
    "binary": WORDS["file"],
    "email": WORDS["email"],
}
DEEPEST = 6


class Examples:
    """Makes examples from the schemas of one document."""

    def __init__(self, schemas: dict[str, Json]) -> None:
        self._schemas = schemas

    def request(self, schema: Json) -> Any:
        """What is required, or more where ``BODIES`` has it."""
        return self._of(schema, "", whole=False, depth=0)

    def response(self, schema: Json) -> Any:
        """Every field."""
        return self._of(schema, "", whole=True, depth=0)

    def _of(self, schema: Json, name: str, *, whole: bool, depth: int) -> Any:
        if reference := schema.get("$ref"):
            target = reference.rpartition("/")[2]
            if not whole and target in BODIES:
                return BODIES[target]
            return self._of(self._schemas[target], name, whole=whole, depth=depth + 1)
        for several in ("anyOf", "oneOf", "allOf"):
            if several in schema:
                return self._of(schema[several][0], name, whole=whole, depth=depth)
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [None])[0])
        match schema.get("type"):
            case "object":
                return self._object(schema, whole=whole, depth=depth)
            case "array":
                item = schema.get("items", {})
                if depth > DEEPEST:
                    return []
                return [self._of(item, name.removesuffix("s"), whole=whole, depth=depth + 1)]
            case "string":
                return self._text(schema, name)
            case "integer" | "number":
                return self._number(schema, name)
            case "boolean":
                return True
        return None

    def _object(self, schema: Json, *, whole: bool, depth: int) -> Json:
        required = schema.get("required", [])
        fields = schema.get("properties", {})
        names = [name for name in fields if name in required or (whole and depth <= DEEPEST)]
        return {name: self._of(fields[name], name, whole=whole, depth=depth) for name in names}

    def _text(self, schema: Json, name: str) -> str:
        if "format" in schema:
            said = WORDS.get(name) if schema["format"] == "uuid" else None
            return str(said or FORMATS.get(schema["format"], "text"))
        if name.endswith("_url"):
            return "https://example.com/back"
        return str(WORDS.get(name, name.replace("_", " ") or "text"))

    def _number(self, schema: Json, name: str) -> int:
        said = WORDS.get(name)
        number = said if isinstance(said, int) else 1
        least, most = schema.get("minimum", number), schema.get("maximum", number)
        return int(max(least, min(most, number)))
