"""Pages are rendered here: every value is escaped, and no template or handler marks one as safe."""

import hashlib
import html
import re
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import markupsafe
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Request, Response
from litestar.datastructures import Cookie

from billing.money import Money, decimals
from service.http.login import context_of
from service.web.wording import Wording, preferred

HERE = Path(__file__).parent
STYLE = (HERE / "static" / "zhihao.css").read_bytes()
STYLE_PATH = f"/static/zhihao-{hashlib.sha256(STYLE).hexdigest()[:12]}.css"
"""The style's address changes with its text, so a browser may keep it for ever."""

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
SYMBOLS = {"cny": "¥", "usd": "$", "eur": "€", "gbp": "£", "jpy": "JP¥", "hkd": "HK$", "twd": "NT$"}

_NO_XML = re.compile("[^\\t\\n\\r -\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")

AnyRequest = Request[Any, Any, Any]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["price"] = price
    environment.filters["marked_in"] = marked_in
    environment.globals["style_path"] = STYLE_PATH
    return environment


def price(money: Money) -> str:
    """``¥9.90``; a currency without a symbol of its own as ``9.90 SEK``. A whole amount has no decimals."""
    written, _, code = str(money).partition(" ")
    places = decimals(money.currency)
    if places and money.amount % 10**places == 0:
        written = written.partition(".")[0]
    symbol = SYMBOLS.get(money.currency)
    return f"{symbol}{written}" if symbol else f"{written} {code}"


def marked_in(text: str, highlight: str | None) -> markupsafe.Markup:
    """``text``, or its ``highlight`` with the matches in ``<em>``; all else is escaped, whatever it holds.

    The highlight comes escaped already; it is taken apart and escaped here again rather than trusted.
    """
    if not highlight:
        return markupsafe.escape(text)
    pieces = [html.unescape(piece) for piece in re.split("</?em>", highlight)]
    return markupsafe.Markup("").join(
        markupsafe.Markup("<em>{}</em>").format(piece) if index % 2 else markupsafe.escape(piece)
        for index, piece in enumerate(pieces)
    )


def page(
    request: AnyRequest,
    template: str,
    *,
    status: int = 200,
    index: bool = False,
    cookies: list[Cookie] | None = None,
    **values: Any,
) -> Response[str]:
    """The answer that shows ``template``. Search engines are asked to leave it out unless ``index``."""
    words = Wording(preferred(request.headers.get("accept-language")))
    settings = context_of(request).settings
    public_url = settings.public_url.rstrip("/")
    content = (
        _environment()
        .get_template(template)
        .render(
            words=words,
            public_url=public_url,
            here=public_url + request.url.path,
            index=index,
            query=lambda **changes: _query(request, changes),
            **values,
        )
    )
    headers = {
        "Content-Language": words.language,
        "Content-Security-Policy": POLICY,
        "Vary": "Accept-Language",
    }
    if not index:
        headers["X-Robots-Tag"] = "noindex"
    return Response(
        content, status_code=status, media_type=MediaType.HTML, headers=headers, cookies=cookies or []
    )


def feed(request: AnyRequest, template: str, **values: Any) -> Response[bytes]:
    """The answer that is an Atom feed. Characters that XML cannot hold are left out."""
    words = Wording(preferred(request.headers.get("accept-language")))
    public_url = context_of(request).settings.public_url.rstrip("/")
    content = _environment().get_template(template).render(words=words, public_url=public_url, **values)
    headers = {"Content-Language": words.language, "Vary": "Accept-Language", "X-Robots-Tag": "noindex"}
    return Response(_NO_XML.sub("", content).encode(), media_type="application/atom+xml", headers=headers)


def _query(request: AnyRequest, changes: dict[str, str | int | None]) -> str:
    """The page's own query with some parameters changed, and with ``None`` left out."""
    kept = {name: value for name, value in request.query_params.items() if value}
    kept |= {name: str(value) if value is not None else "" for name, value in changes.items()}
    written = urlencode({name: value for name, value in kept.items() if value})
    return f"?{written}" if written else request.url.path
