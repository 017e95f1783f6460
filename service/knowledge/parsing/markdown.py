"""Markdown. The document's text is the file's own, markup and all, so every offset is the file's."""

import re
from bisect import bisect_left
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, paragraph
from markdown_it.token import Token

from service.knowledge.parsing.locating import locate
from service.knowledge.parsing.parsed import Parsed, Piece

# Blocks only: what stands inside a line moves no offset, and reading it costs four times the rest.
_BLOCKS = MarkdownIt("commonmark").enable("table")
_BLOCKS.core.ruler.disable(["inline", "text_join"])


def _lone_line(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A line that begins with a letter and stands alone is a paragraph: no other rule need look at it."""
    first = state.src[state.bMarks[start] + state.tShift[start]]
    alone = start + 1 >= state.lineMax or state.isEmpty(start + 1)
    plain = first.isalpha() and alone and not state.is_code_block(start)
    return plain and paragraph(state, start, end, silent)


_BLOCKS.block.ruler.before("table", "lone_line", _lone_line)

_LINE_END = re.compile(r"\r\n?|\n")
_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n.*?\n(?:---|\.\.\.)[ \t]*(?:\r?\n|$)", re.DOTALL)
# An underscore inside a word is part of it (lru_cache), as CommonMark has it.
_MARKUP = re.compile(r"[*`~]+|(?<![^\W_])_+|_+(?![^\W_])|\[([^\]]*)\]\([^)]*\)|<[^>]*>")

LEAVES = {"fence": "code", "code_block": "code", "html_block": "paragraph"}


def parse(text: str) -> Parsed:
    """The headings, paragraphs, list items, tables and code of ``text`` as blocks."""
    return Parsed(text, locate(text, list(_pieces(text))))


def _pieces(text: str) -> Iterator[Piece]:
    skipped = 1 if text.startswith("\ufeff") else 0
    starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
    front = _FRONT_MATTER.match(text, skipped)
    first_line = bisect_left(starts, front.end()) if front else 0
    body = text[starts[first_line] if first_line < len(starts) else len(text) :] if front else text[skipped:]
    starts.append(len(text))

    context: list[str] = []
    tokens = _BLOCKS.parse(body)
    for index, token in enumerate(tokens):
        if token.nesting == 1 and token.type in {"list_item_open", "blockquote_open", "table_open"}:
            context.append(token.type)
        elif token.nesting == -1 and token.type in {"list_item_close", "blockquote_close", "table_close"}:
            context.pop()
        piece = _piece(text, starts, first_line, tokens, index, context)
        if piece is not None:
            yield piece


def _piece(
    text: str, starts: list[int], first_line: int, tokens: list[Token], index: int, context: list[str]
) -> Piece | None:
    token = tokens[index]
    if token.map is None or token.type == "inline":
        return None
    start, end = starts[token.map[0] + first_line], starts[min(token.map[1] + first_line, len(starts) - 1)]
    written = text[start:end]
    start += len(written) - len(written.lstrip().lstrip("\ufeff"))
    end -= len(written) - len(written.rstrip())
    if end <= start:
        return None
    if token.type == "heading_open":
        title = " ".join(_MARKUP.sub(lambda found: found[1] or "", tokens[index + 1].content).split())
        return Piece(start, end, "heading", int(token.tag[1]), title) if title else None
    if token.type == "table_open":
        return Piece(start, end, "table")
    if "table_open" in context:
        return None
    if token.type == "paragraph_open":
        innermost = context[-1] if context else ""
        kind = {"list_item_open": "list_item", "blockquote_open": "quote"}.get(innermost, "paragraph")
        return Piece(start, end, kind)
    if token.type == "html_block" and written.lstrip().startswith(("<!--", "<script", "<style")):
        return None
    return Piece(start, end, LEAVES[token.type]) if token.type in LEAVES else None
