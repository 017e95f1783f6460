"""The webhooks that go out, as the OpenAPI document has them: a request for each type of event."""

from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    PathItem,
    Reference,
    RequestBody,
    Schema,
)

from service.outgoing.catalogue import EVENT_TYPES, EventType

SIGNED = """
Signed as [Standard Webhooks](https://www.standardwebhooks.com) has it. Answer 2xx within the time limit; what
is not answered so is tried again, for days, under the same `webhook-id`. Events of one object come in order.
"""
HEADERS = {
    "webhook-id": "The event's id: the same at every try and in every replay.",
    "webhook-timestamp": "Seconds since 1970, of this try.",
    "webhook-signature": "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`, with the bytes that "
    "follow `whsec_` in base64 as key; several, with spaces between, while a secret rotates.",
}


def webhooks() -> dict[str, PathItem | Reference]:
    """By type, in the order of the catalogue."""
    return {each.type: PathItem(post=_request(each)) for each in EVENT_TYPES}


def _request(event: EventType) -> Operation:
    text = Schema(type=OpenAPIType.STRING)
    fields: dict[str, Reference | Schema] = {name.rstrip("?"): Schema() for name in event.data}
    data = Schema(
        type=OpenAPIType.OBJECT,
        properties=fields or None,
        required=list(fields) or None,
    )
    payload = Schema(
        type=OpenAPIType.OBJECT,
        properties={
            "type": Schema(type=OpenAPIType.STRING, const=event.type),
            "timestamp": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME),
            "data": data,
        },
        required=["type", "timestamp", "data"],
    )
    return Operation(
        operation_id=f"webhook_{event.type.replace('.', '_')}",
        tags=["webhooks"],
        summary=event.description,
        description=f"For {' and '.join(each + 's' for each in event.audience)}.\n{SIGNED}",
        parameters=[
            Parameter(name=name, param_in="header", required=True, description=meaning, schema=text)
            for name, meaning in HEADERS.items()
        ],
        request_body=RequestBody(
            content={"application/json": OpenAPIMediaType(schema=payload)}, required=True
        ),
        responses={"2XX": OpenAPIResponse(description="Heard.")},
    )
