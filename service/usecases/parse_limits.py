"""What reading one file may cost, by the settings."""

import shlex

from service.knowledge.parsing.limits import ParseLimits
from service.platform.settings import Settings


def parse_limits(settings: Settings) -> ParseLimits:
    """The limits of this installation."""
    return ParseLimits(
        characters=settings.document_max_characters,
        blocks=settings.document_max_blocks,
        unpacked_bytes=settings.document_max_unpacked_bytes,
        unpacked_ratio=settings.import_max_ratio,
        memory_bytes=settings.parse_memory_bytes,
        cpu_seconds=settings.parse_cpu_seconds,
        wall_seconds=settings.parse_wall_seconds,
        ocr_command=tuple(shlex.split(settings.ocr_command)),
    )
