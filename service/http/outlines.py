"""Outlines in the format that was asked for: five, at one address."""

from dataclasses import dataclass
from typing import Literal

import msgspec
from litestar import Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, Schema
from litestar.openapi.spec.enums import OpenAPIType

from service.knowledge.outlining.nodes import Outline
from service.knowledge.outlining.picture import as_svg
from service.knowledge.outlining.rendering import as_markdown, as_mermaid, as_opml

OutlineFormat = Literal["json", "markdown", "mermaid", "opml", "svg"]
MARKDOWN, MERMAID, OPML, SVG = "text/markdown", "text/vnd.mermaid", "text/x-opml", "image/svg+xml"
OUTLINED = {200: ResponseSpec(Outline, description="The outline.", generate_examples=False)}
POLICY = "default-src 'none'; sandbox"
"""Opened by itself, a picture may load and run nothing at all."""


@dataclass
class OutlineOperation(Operation):
    """Litestar documents one media type an answer; an outline has five."""

    def __post_init__(self) -> None:
        done = (self.responses or {}).get("200")
        if isinstance(done, OpenAPIResponse) and done.content is not None:
            text = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING))
            done.content |= dict.fromkeys((MARKDOWN, MERMAID, OPML, SVG), text)


def outlined(outline: Outline, format: OutlineFormat) -> Response[bytes]:
    """The outline in that format."""
    body, media_type = _rendered(outline, format)
    return Response(body, media_type=media_type, headers={"Content-Security-Policy": POLICY})


def _rendered(outline: Outline, format: OutlineFormat) -> tuple[bytes, str]:
    match format:
        case "json":
            return msgspec.json.encode(outline), "application/json"
        case "markdown":
            return as_markdown(outline).encode(), MARKDOWN
        case "mermaid":
            return as_mermaid(outline).encode(), MERMAID
        case "opml":
            return as_opml(outline).encode(), OPML
        case "svg":
            return as_svg(outline).encode(), SVG
