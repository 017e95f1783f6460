"""Answers hold no address: who wrote a passage, or talked a model into something, leads no reader anywhere.

Where an address stood, the citation leads to the place in the text that has it.
"""

import re

_IMAGE = re.compile(r"!\[([^\]\n]*)\](?:\([^)\n]*\)?|\[[^\]\n]*\])")
_LINK = re.compile(r"\[([^\]\n]*)\]\([^)\n]*\)?")
_TAG = re.compile(
    r"</?(?:a|area|img|image|picture|script|iframe|frame|form|link|svg|math|object|embed|video|audio|source|meta"
    r"|base|style|input|button)\b[^>\n]*>?",
    re.IGNORECASE,
)
_STOP = r"\s<>\"'`，。；、）】」』…"
_ADDRESS = re.compile(
    rf"(?:[a-z][a-z0-9+.-]{{1,15}}:)?(?://|\\\\)[^{_STOP}]+|www\.[^{_STOP}]+"
    rf"|\b(?:javascript|vbscript|data|mailto|tel|file|blob):[^{_STOP}]+",
    re.IGNORECASE,
)
INSTEAD = "…"


def without_links(text: str) -> str:
    """The text with links as their words, and without images, tags and addresses; else as it was."""
    plain = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    return _ADDRESS.sub(INSTEAD, _TAG.sub("", plain))
