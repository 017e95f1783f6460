"""Tries every operation of the OpenAPI document on a running service, with what is right by it and wrong."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.generation.case import Case
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

Json = dict[str, Any]

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
REFUSED = ["400", "401", "402", "403", "404", "409", "413", "415", "429"]
TOO_LONG = (414, 431)
"""Said by the server before the application is asked."""
NOWHERE = "http://127.0.0.1:9/nowhere"
"""Nothing is fetched from anywhere else."""
SECONDS = 30
SEED = 20261121
LEAVING = {"DELETE /me", "POST /auth/logout", "DELETE /me/sessions/{session_id}"}
"""Asked by somebody who is not needed any more."""


@dataclass
class Trial:
    """A running service, its document, the credential of each security scheme (``operator`` and ``leaver``
    besides), and what stands for the names in addresses: ids that are told on the way are used too."""

    url: str
    document: Json
    credentials: Mapping[str, str]
    ids: dict[str, str]
    answers: Counter[str] = field(default_factory=Counter)
    faults: dict[str, str] = field(default_factory=dict)

    def run(self, *, examples: int) -> None:
        """``examples`` right and as many wrong requests to each operation: what makes things first, then what
        reads them, then what takes them away."""
        schema = schemathesis.openapi.from_dict(self.document)
        schema.config.update(base_url=self.url)
        schema.config.generation.update(with_security_parameters=False, allow_extra_parameters=False)
        schema.config.checks.negative_data_rejection.expected_statuses = REFUSED
        found: list[Any] = list(schema.get_all_operations())
        operations = [each.ok() for each in found]
        with requests.Session() as session:
            session.trust_env = False
            for operation in sorted(operations, key=_turn):
                self._try(session, operation, GenerationMode.POSITIVE, examples)
                if _can_be_wrong(operation):
                    self._try(session, operation, GenerationMode.NEGATIVE, examples)

    def _try(self, session: requests.Session, operation: Any, mode: GenerationMode, examples: int) -> None:
        @seed(SEED)
        @settings(
            max_examples=examples,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def tried(case: Case[Any]) -> None:
            self._send(session, case, mode)

        tried()

    def _send(self, session: requests.Session, case: Case[Any], mode: GenerationMode) -> None:
        if mode == GenerationMode.POSITIVE:
            self._place(case)
        headers = self._credential(case.operation)
        response = case.call(session=session, base_url=self.url, headers=headers, timeout=SECONDS)
        if response.status_code in TOO_LONG:
            return
        label = case.operation.label
        self.answers[f"{mode.name.lower()} {response.status_code}"] += 1
        try:
            case.validate_response(response, checks=CHECKS, headers=headers)
            self._check_code(label, response)
        except (FailureGroup, Failure, AssertionError) as error:
            reasons = "; ".join(str(each)[:400] for each in getattr(error, "exceptions", [error]))
            sent = f"{response.request.url} {str(response.request.body)[:200]}"
            told = f"{response.status_code} {response.text[:300]}"
            self.faults[label] = f"{reasons}\nsent: {sent}\nanswered: {told}"
        if response.status_code == 201:
            self._learn(case.operation.path, response.json())

    def _place(self, case: Case[Any]) -> None:
        """What is there, rather than what is not; but what is taken away is another's."""
        if case.operation.method.upper() != "DELETE":
            for name in case.path_parameters:
                case.path_parameters[name] = self.ids.get(name, case.path_parameters[name])
        if isinstance(case.body, dict):
            if case.body.get("url") is not None:
                case.body["url"] = NOWHERE
            if case.body.get("urls") is not None:
                case.body["urls"] = [NOWHERE]
            if "knowledge_base_ids" in case.body:
                case.body["knowledge_base_ids"] = [self.ids["asked"]]

    def _learn(self, path: str, made: Json) -> None:
        for other in self.document["paths"]:
            name, _, _ = other.removeprefix(f"{path}/{{").partition("}")
            if other.startswith(f"{path}/{{") and name not in self.ids and "id" in made:
                self.ids[name] = made["id"]

    def _credential(self, operation: Any) -> dict[str, str]:
        schemes = [name for each in operation.definition.raw.get("security", []) for name in each]
        who = next(iter(schemes), None)
        if operation.label in LEAVING:
            who = "leaver"
        elif operation.path.startswith("/operator/"):
            who = "operator"
        return {"Authorization": f"Bearer {self.credentials[who]}"} if who else {}

    def _check_code(self, label: str, response: Any) -> None:
        """An error has one of the codes that the document names for it."""
        method, _, path = label.partition(" ")
        if "problem+json" not in response.headers.get("content-type", ""):
            return
        said = self.document["paths"][path][method.lower()]["responses"][str(response.status_code)]
        while "$ref" in said:
            said = self.document["components"]["responses"][said["$ref"].rpartition("/")[2]]
        named = said["content"]["application/problem+json"]["examples"]
        assert response.json()["code"] in named, f"{response.json()['code']} is not one of {sorted(named)}"


def _can_be_wrong(operation: Any) -> bool:
    """Whether there is more to it than an address and texts, of which all are right."""
    raw = operation.definition.raw
    given = [each["schema"] for each in raw.get("parameters", []) if each["in"] == "query"]
    return "requestBody" in raw or any(schema.keys() - {"type", "default"} for schema in given)


def _turn(operation: Any) -> tuple[bool, bool, bool, str]:
    method = operation.method.upper()
    ends = operation.path.endswith(("/unpublish", "/rotate", "/suspend"))
    return method == "DELETE", ends, method != "POST", operation.path
