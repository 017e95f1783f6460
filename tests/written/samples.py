"""One good file of every format that is read apart."""

from tests.written import books, films, office, pdf
from tests.written.subtitles import subtitles

CSV = "品名,价格,说明\n玫瑰,9.90,每周浇水\n薰衣草,12,冬天少浇\n".encode("gb18030")


def samples() -> dict[str, bytes]:
    """Name to content."""
    return {
        "book.pdf": pdf.book(),
        "scans.pdf": pdf.scanned("Read me.", None),
        "farm.docx": office.document(),
        "prices.xlsx": office.workbook(),
        "garden.pptx": office.presentation(),
        "garden.epub": books.book(),
        "prices.csv": CSV,
        "film.srt": subtitles("srt").encode(),
        "film.vtt": subtitles("vtt").encode(),
        "film.ass": subtitles("ass").encode(),
        "film.mkv": films.BY_FFMPEG["ass.mkv"],
        "film.mp4": films.BY_FFMPEG["fragments.mp4"],
    }
