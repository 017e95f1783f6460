"""Reading images: a port for a program of the operator's choice, such as ``tesseract``."""

import io
import subprocess

from PIL import Image

from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.knowledge.parsing.writing import Writer

MAX_PIXELS = 60_000_000
SECONDS = 60


def parse(data: bytes, limits: ParseLimits) -> Parsed:
    """The text in an image. Raises ``UnreadableFile``: ``ocr_unavailable`` where no program reads images."""
    if not limits.ocr_command:
        raise UnreadableFile("ocr_unavailable", "Text in images is not read here; send the text itself.")
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        image = Image.open(io.BytesIO(data))
        if image.width * image.height > MAX_PIXELS:
            raise UnreadableFile("document_too_large", f"The image has more than {MAX_PIXELS} pixels.")
        image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UnreadableFile("damaged_document", "The image is damaged and cannot be read.") from error
    writer = Writer(limits)
    for paragraph in read_image(image, limits).split("\n\n"):
        writer.add(paragraph)
    return writer.parsed(counted_by="paragraph")


def read_image(image: Image.Image, limits: ParseLimits) -> str:
    """What the program reads in ``image``, which it gets as PNG. Raises ``UnreadableFile`` if it fails."""
    packed = io.BytesIO()
    image.convert("RGB").save(packed, "PNG")
    try:
        done = subprocess.run(  # noqa: S603 (a program the operator named)
            limits.ocr_command, input=packed.getvalue(), capture_output=True, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise UnreadableFile("ocr_failed", "The text of the image could not be read.") from error
    return done.stdout.decode(errors="replace")
