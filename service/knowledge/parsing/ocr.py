"""Reading images: a port for a program of the operator's choice, such as ``tesseract``."""

import ctypes
import io
import resource
import signal
import subprocess
import time
from functools import partial

from PIL import Image

from service.knowledge.parsing.confining import PR_SET_PDEATHSIG, widen
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.knowledge.parsing.writing import Writer

MAX_PIXELS = 60_000_000
SECONDS = 60
SHARE = 0.7
"""Of the time that reading a file may take, for its pictures."""
_libc = ctypes.CDLL(None)


class Reader:
    """The program that reads the pictures of one file; after its share of the file's time, no more of them.

    Whoever has a picture made for it calls ``confining.widen`` before.
    """

    def __init__(self, limits: ParseLimits) -> None:
        self._command = limits.ocr_command
        self._memory_bytes = limits.memory_bytes
        self._until = time.monotonic() + SHARE * limits.wall_seconds
        self._cpu_until = time.process_time() + SHARE * limits.cpu_seconds

    @property
    def reads(self) -> bool:
        """Whether there is a program, and time."""
        return bool(self._command) and self._left() > 0

    def read(self, image: Image.Image) -> str:
        """What the program reads in ``image``, which it gets as PNG. Raises ``UnreadableFile`` with
        ``ocr_failed``."""
        packed = io.BytesIO()
        image.convert("RGB").save(packed, "PNG")
        try:
            done = subprocess.run(  # noqa: S603 (a program the operator named)
                self._command,
                input=packed.getvalue(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=min(SECONDS, max(0.1, self._left())),
                check=True,
                preexec_fn=partial(_bound, self._memory_bytes),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise UnreadableFile("ocr_failed", "The text of the image could not be read.") from error
        return done.stdout.decode(errors="replace")

    def _left(self) -> float:
        return min(self._until - time.monotonic(), self._cpu_until - time.process_time())


def _bound(memory_bytes: int) -> None:
    """The program ends when the process that reads the file does, and has its memory, without what that one
    had loaded before."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    bound = memory_bytes if most == resource.RLIM_INFINITY else min(memory_bytes, most)
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))


def parse(data: bytes, limits: ParseLimits) -> Parsed:
    """The text in an image. Raises ``UnreadableFile``: ``ocr_unavailable`` where no program reads images,
    ``ocr_failed``."""
    if not limits.ocr_command:
        raise UnreadableFile("ocr_unavailable", "Text in images is not read here; send the text itself.")
    reader = Reader(limits)
    widen()
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        image = Image.open(io.BytesIO(data))
        if image.width * image.height > MAX_PIXELS:
            raise UnreadableFile("document_too_large", f"The image has more than {MAX_PIXELS} pixels.")
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadableFile("damaged_document", "The image is damaged and cannot be read.") from error
    writer = Writer(limits)
    for paragraph in reader.read(image).split("\n\n"):
        writer.add(paragraph)
    return writer.parsed(counted_by="paragraph")
