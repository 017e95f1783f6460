"""HTML: what a reader of the page would read, as text with its headings.

The page's text becomes the document's text: blocks apart by a blank line, white space collapsed outside
``pre``. Scripts, styles, navigation and hidden things are left out. Offsets count into that text.
"""

import re
from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from service.knowledge.parsing.decoding import decode
from service.knowledge.parsing.locating import locate
from service.knowledge.parsing.parsed import Parsed, Piece

_DECLARED = re.compile(
    rb"""(?:<meta[^>]{0,200}?charset|<\?xml[^>]{0,100}?encoding)\s*=\s*["']?\s*([A-Za-z0-9_:.-]{1,40})""",
    re.IGNORECASE,
)
_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)[^<>]*>")
_SPACE = re.compile(r"[ \t\r\n\f]+")

LEFT_OUT = "script, style, noscript, template, nav, svg, iframe, object, head, [hidden]"
HEADINGS = {f"h{level}": level for level in range(1, 7)}
BREAKING = {
    *("address", "article", "aside", "blockquote", "body", "caption", "dd", "details", "dialog", "div", "dl"),
    *("dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "html", "legend"),
    *("li", "main", "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul"),
    *HEADINGS,
}
# These nest no further, or end by themselves where the next begins.
SHALLOW = {
    *("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track"),
    *("dd", "dt", "li", "option", "p", "tbody", "td", "tfoot", "th", "thead", "tr", "wbr"),
}
DEEPEST = 512
"""As in browsers, elements nested deeper are flattened: the parser's time grows with the square of it."""
KINDS = {"li": "list_item", "pre": "code", "tr": "table", "blockquote": "quote"}


def parse_bytes(data: bytes) -> Parsed:
    """Decodes ``data`` (UTF-8, or what its ``meta`` names) and parses it.

    Raises what ``decode`` raises.
    """
    return parse(decoded(data))


def decoded(data: bytes) -> str:
    """``data`` as text: UTF-8, or what its head names. Raises what ``decode`` raises."""
    return decode(data, declared=declared_encoding(data))


def declared_encoding(data: bytes) -> str | None:
    """The encoding that the page's own ``meta`` names."""
    named = _DECLARED.search(data[:4096])
    return named[1].decode() if named else None


def parse(source: str) -> Parsed:
    """The visible text of ``source`` and its blocks; a WeChat article is read from its content element."""
    text: list[str] = []
    pieces: list[Piece] = []
    length = 0
    for shown, kind, level in readable(source):
        if text:
            text.append("\n\n")
            length += 2
        pieces.append(Piece(length, length + len(shown), kind, level, _SPACE.sub(" ", shown)))
        text.append(shown)
        length += len(shown)
    joined = "".join(text)
    return Parsed(joined, locate(joined, pieces))


def readable(source: str) -> Iterator[tuple[str, str, int]]:
    """What is read of ``source``, block by block: its text, its kind, and the level of a heading or 0."""
    tree = LexborHTMLParser(flattened(source))
    root = tree.css_first("#js_content") or tree.body
    if root is None:
        return
    for node in root.css(LEFT_OUT):
        node.decompose()
    for tag, written in _runs(root):
        shown = written.strip("\n") if tag == "pre" else _SPACE.sub(" ", written).strip()
        if shown.strip():
            level = HEADINGS.get(tag, 0)
            yield shown, "heading" if level else KINDS.get(tag, "paragraph"), level


def flattened(source: str) -> str:
    """``source`` without the tags of elements that are nested deeper than ``DEEPEST``."""
    depth = 0

    def kept(tag: re.Match[str]) -> str:
        nonlocal depth
        closing, name = tag.groups()
        if name.lower() in SHALLOW:
            return tag[0]
        depth = max(0, depth - 1) if closing else depth + 1
        return tag[0] if depth <= DEEPEST - bool(closing) else " "

    return _TAG.sub(kept, source)


def _runs(root: LexborNode) -> Iterator[tuple[str, str]]:
    """The text between one block boundary and the next, with the block element that holds it.

    Walks without recursion: a page may nest deeper than Python's stack.
    """
    held: list[str] = ["body"]
    run: list[str] = []
    stack: list[tuple[LexborNode | None, str | None]] = [(root.child, None)]
    while stack:
        node, closing = stack.pop()
        if node is None:
            if closing is not None:
                yield held.pop(), "".join(run)
                run.clear()
            continue
        stack.append((node.next, closing))
        tag = node.tag or ""
        if tag == "-text":
            run.append(node.text_content or "")
        elif tag == "br":
            run.append("\n" if held[-1] == "pre" else " ")
        elif tag in {"td", "th"}:
            run.append(" \t " if held[-1] == "pre" else " ")
            stack.append((node.child, None))
        elif tag in BREAKING:
            yield held[-1], "".join(run)
            run.clear()
            held.append(tag)
            stack.append((node.child, tag))
        else:
            stack.append((node.child, None))
    yield held[-1], "".join(run)
