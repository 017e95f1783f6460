"""Outlines in the format that was asked for: five, at one address."""

from typing import Any, Literal

import msgspec
from litestar import Response
from litestar.openapi.datastructures import ResponseSpec

from service.knowledge.outlining.nodes import Outline
from service.knowledge.outlining.picture import as_svg
from service.knowledge.outlining.rendering import as_markdown, as_mermaid, as_opml

OutlineFormat = Literal["json", "markdown", "mermaid", "opml", "svg"]
MARKDOWN, MERMAID, OPML, SVG = "text/markdown", "text/vnd.mermaid", "text/x-opml", "image/svg+xml"
OUTLINED: dict[str, Any] = {
    "opt": {"media_types": (MARKDOWN, MERMAID, OPML, SVG)},
    "responses": {200: ResponseSpec(Outline, description="The outline.", generate_examples=False)},
}
"""What a route says that answers with ``outlined``."""
POLICY = "default-src 'none'; sandbox"
"""Opened by itself, a picture may load and run nothing at all."""


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
