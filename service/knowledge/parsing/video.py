"""Films: nothing of them is read but the subtitles they carry as text."""

from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed, UnreadableFile


def parse(data: bytes, limits: ParseLimits) -> Parsed:
    """Raises ``UnreadableFile`` with ``no_subtitles``."""
    raise UnreadableFile("no_subtitles", "Films are read by their subtitles; send those as SRT or WebVTT.")
