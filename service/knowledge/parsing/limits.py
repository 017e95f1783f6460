"""What reading one file may cost."""

from dataclasses import dataclass

MEBIBYTE = 1024 * 1024
MEMORY_FLOOR = 48 * MEBIBYTE
MEMORY_PER_BYTE = 16


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """Of one file: code points and blocks of its text, what a packed one (office files, books) may unpack to,
    and memory, CPU and time of the process that reads it.

    ``ocr_command`` is a program and its arguments that reads an image from its input and writes the text in
    it; without one, images are not read.
    """

    characters: int = 10_000_000
    blocks: int = 300_000
    parts: int = 20_000
    unpacked_bytes: int = 512 * MEBIBYTE
    unpacked_ratio: int = 200
    memory_bytes: int = 1024 * MEBIBYTE
    cpu_seconds: int = 60
    wall_seconds: int = 120
    ocr_command: tuple[str, ...] = ()

    def memory_for(self, size: int) -> int:
        """Bytes that reading a file of ``size`` bytes may take: 64 MiB for a mebibyte, whatever it claims to
        hold, and for what is truly large what it needs."""
        return min(self.memory_bytes, MEMORY_FLOOR + MEMORY_PER_BYTE * size)
