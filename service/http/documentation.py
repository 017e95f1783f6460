"""The browsable page of the OpenAPI document, made of files that come with the service: no CDN."""

from typing import Any

import swagger_ui_bundle
from litestar import MediaType, Request, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.params import FromPath

ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Zhihao API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" type="image/png" href="/schema/assets/favicon-32x32.png">
<link rel="stylesheet" href="/schema/assets/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<noscript>This page needs JavaScript; the document is <a href="/schema/openapi.json">here</a>.</noscript>
<script src="/schema/assets/swagger-ui-bundle.js"></script>
<script src="/schema/start.js"></script>
</body>
</html>
"""

# The bundled page shows documents of OpenAPI 3.0 alone. What it shows of ours is the same in both, so it is
# handed the document under that number; the document served to programs stays 3.1.
START = """fetch("/schema/openapi.json").then((answer) => answer.json()).then((document_) => {
  document_.openapi = "3.0.3";
  SwaggerUIBundle({ spec: document_, dom_id: "#page", deepLinking: true, filter: true });
});
"""


@get("/assets/{name:str}", sync_to_thread=False)
def asset(name: FromPath[str]) -> Response[bytes]:
    """One of the page's own files."""
    if name not in ASSETS:
        raise NotFoundException
    content = (swagger_ui_bundle.swagger_ui_path / name).read_bytes()
    return Response(content, media_type=ASSETS[name], headers={"Cache-Control": "public, max-age=86400"})


@get("/start.js", media_type="text/javascript", sync_to_thread=False)
def start() -> str:
    """Fetches the document and shows it."""
    return START


class Page(OpenAPIRenderPlugin):
    """The page at ``/schema``."""

    def __init__(self) -> None:
        super().__init__(path="/", media_type=MediaType.HTML)

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return PAGE.encode()


def documentation_router() -> Router:
    """Where Litestar puts the page and the document."""
    return Router(
        path="/schema",
        route_handlers=[asset, start],
        include_in_schema=False,
        response_headers={"Content-Security-Policy": POLICY},
    )
