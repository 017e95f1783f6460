"""``deploy/.env.example`` names every setting, says what it is, and shows what holds when it is unset."""

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from service.platform.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
LINES = (ROOT / "deploy" / ".env.example").read_text().splitlines()
SETTING = re.compile(r"^(?P<unset>#?)ZHIHAO_(?P<name>[A-Z0-9_]+)=(?P<value>.*)$")


def _listed() -> dict[str, tuple[str, bool, str]]:
    """By name: the value, whether the line is commented out, and the line above it."""
    return {
        found["name"].lower(): (found["value"], bool(found["unset"]), LINES[number - 1])
        for number, line in enumerate(LINES)
        if (found := SETTING.match(line))
    }


def _written(default: Any) -> str:
    return str(default.get_secret_value() if isinstance(default, SecretStr) else default)


def test_every_setting_is_listed_once_and_nothing_else_is() -> None:
    names = [found["name"].lower() for line in LINES if (found := SETTING.match(line))]
    assert sorted(names) == sorted(Settings.model_fields)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_a_setting_has_a_comment_and_shows_its_default(name: str) -> None:
    value, unset, above = _listed()[name]
    assert above.startswith("# "), f"what ZHIHAO_{name.upper()} does is said in the line above it"
    if unset:
        assert value == _written(Settings.model_fields[name].default)


def test_what_is_set_in_the_file_is_only_what_production_requires() -> None:
    required = {name for name, (_, unset, _) in _listed().items() if not unset}
    assert required == {"env", "public_url", "secret_key", "stripe_api_key", "stripe_webhook_secrets"}
