"""The OpenAPI document of all the doors: valid, exact, and with examples that keep to it."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

import jsonschema_rs
import pytest
import schemathesis

from service.http.addressed import FORMS, SLUG
from service.http.openapi import written
from service.knowledge.slugs import slug_of, with_suffix
from service.platform.settings import Settings
from tests.architecture.failing import every_door

Json = dict[str, Any]


@cache
def document() -> Json:
    return written(every_door(), Settings())


def operations() -> Iterator[tuple[str, Json]]:
    for path, item in document()["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


def referred(part: Json) -> Json:
    """The part itself, or what it refers to."""
    while "$ref" in part:
        found: Any = document()
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def test_the_document_is_valid_openapi() -> None:
    schemathesis.openapi.from_dict(document()).validate()
    for schema in document()["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_every_example_keeps_to_the_schema_beside_it() -> None:
    schemas: Json = {}
    examples: Json = {}
    for name, operation in operations():
        bodies = [operation.get("requestBody", {}), *operation["responses"].values()]
        for body in map(referred, bodies):
            for media in body.get("content", {}).values():
                given = [referred(each)["value"] for each in media.get("examples", {}).values()]
                given += [media["example"]] if "example" in media else []
                for each in given:
                    place = f"{name} {len(schemas)}"
                    schemas[place], examples[place] = media["schema"], each
    whole = {"properties": schemas, "components": document()["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    assert [(each.instance_path, each.message) for each in validator.iter_errors(examples)] == []
    assert len(examples) > 500


def test_every_body_of_json_has_an_example() -> None:
    for name, operation in operations():
        for body in map(referred, [operation.get("requestBody", {}), *operation["responses"].values()]):
            for media_type, media in body.get("content", {}).items():
                if "json" in media_type:
                    assert "example" in media or media["examples"], name


def test_what_is_sent_takes_no_other_fields_where_the_server_takes_none() -> None:
    open_ = {"Attempt", "ChatBody", "ChatMessage", "ResponsesBody", "StreamOptions"}
    schemas = document()["components"]["schemas"]
    for name, operation in operations():
        for media in operation.get("requestBody", {}).get("content", {}).values():
            for part in media["schema"].get("anyOf", [media["schema"]]):
                kind = part.get("$ref", "").rpartition("/")[2]
                if kind and kind not in open_:
                    assert schemas[kind].get("additionalProperties") is False, (name, kind)


def test_each_operation_says_its_credential() -> None:
    expected = {"/api/v1": "api_key", "/openai/v1": "api_key", "/enterprise/v1": "access_token"}
    for name, operation in operations():
        for door, scheme in expected.items():
            if name.partition(" ")[2].startswith(door):
                assert operation["security"] == [{scheme: []}], name
        guarded = "security" in operation
        assert guarded == ("401" in operation["responses"]) or name.startswith(("POST /auth/", "GET /auth/"))


@pytest.mark.parametrize(
    ("operation", "media_types"),
    [
        ("POST /v1/ask", {"application/json", "text/event-stream"}),
        ("POST /openai/v1/responses", {"application/json", "text/event-stream"}),
        ("GET /creator/v1/imports/{import_id}/events", {"text/event-stream"}),
        ("GET /enterprise/v1/organizations/{organization_id}/usage", {"application/json", "text/csv"}),
        ("GET /enterprise/v1/organizations/{organization_id}/usage/chart", {"image/svg+xml"}),
        ("GET /operator/v1/books/journal.csv", {"text/csv"}),
    ],
)
def test_an_answer_names_its_media_types(operation: str, media_types: set[str]) -> None:
    assert set(dict(operations())[operation]["responses"]["200"]["content"]) == media_types


def test_a_metered_call_names_its_headers_and_its_refusals() -> None:
    responses = dict(operations())["POST /api/v1/passages"]["responses"]
    assert {"RateLimit", "RateLimit-Policy", "Zhihao-Billed-Units"} <= set(responses["200"]["headers"])
    assert "Retry-After" in referred(responses["429"])["headers"]
    refused = referred(responses["402"])["content"]["application/problem+json"]["examples"]
    assert set(refused) == {"contract_required", "payment_required", "spend_cap_reached"}


def test_errors_for_openais_clients_are_in_openais_shape() -> None:
    responses = dict(operations())["POST /openai/v1/chat/completions"]["responses"]
    (media_type,) = (missing := referred(responses["404"])["content"])
    assert media_type == "application/json"
    codes = {referred(each)["value"]["error"]["code"] for each in missing[media_type]["examples"].values()}
    assert codes == {"model_not_found"}


def test_what_stands_in_addresses_has_its_form_and_examples_of_it() -> None:
    named = set()
    for name, operation in operations():
        for parameter in map(referred, operation.get("parameters", [])):
            schema = parameter["schema"]
            if parameter["name"] in FORMS:
                named.add(parameter["name"])
                validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
                assert schema["examples"], name
                assert all(validator.is_valid(each) for each in schema["examples"]), (name, schema)
                formed = {"pattern", "anyOf"} & schema.keys()
                assert validator.is_valid("") is not bool(formed), (name, schema)
    assert named == FORMS.keys()
    for kind in ("CardFact", "KnowledgeBaseFact"):
        assert document()["components"]["schemas"][kind]["properties"]["slug"]["pattern"]


@pytest.mark.parametrize("title", ["陽台園藝", "Python: 實戰課!", "???", "a" * 300, "Ünïcödé  x/y"])
def test_every_slug_is_of_the_form(title: str) -> None:
    assert re.search(SLUG, with_suffix(slug_of(title), UUID(int=7)))


def test_every_time_zone_is_of_the_form() -> None:
    assert [each for each in available_timezones() if not re.search(FORMS["tz"]["pattern"], each)] == []
