"""A creator brings files of every format; each answer opens at the place its citation names."""

from typing import Any

from tests.integration.library import zipped
from tests.journeys.people import Person
from tests.written import books, films, office, pdf
from tests.written.subtitles import subtitles

ASKED: list[tuple[str, str, str, dict[str, Any]]] = [
    ("book", "When should I feed roses with potash?", "potash", {"page": 1}),
    ("book", "劳动合同期限三个月以上不满一年的，试用期多久？", "试用期", {"page": 3, "article": "第十九条"}),
    ("farm", "Where does wheat stand longest?", "Wheat stands longest", {"heading_path": ["Crops"]}),
    ("slides", "When should I prune roses, in March?", "Prune in March", {"slide": 2}),
    ("prices", "What is the price of the plant lavender?", "Lavender", {"sheet": "Prices", "row": 4}),
    ("film", "薰衣草每周浇水几次？", "薰衣草", {"timecode": "01:02:05"}),
    ("screen", "When should I prune them?", "Prune them in March", {"timecode": "00:01:23"}),
    ("garden", "薰衣草每周浇水几次？", "薰衣草每周浇水", {"chapter": 3}),
]
FILES: dict[str, tuple[str, bytes]] = {
    "book": ("book.pdf", pdf.book()),
    "farm": ("farm.docx", office.document()),
    "slides": ("slides.pptx", office.presentation()),
    "prices": ("prices.xlsx", office.workbook()),
    "film": ("film.srt", subtitles("srt").encode()),
    "screen": ("screen.mkv", films.BY_FFMPEG["ass.mkv"]),
    "garden": ("garden.epub", books.book()),
}


def test_a_citation_opens_at_its_page_slide_row_time_or_chapter(creator: Person) -> None:
    bases = {title: creator.make_base(title)["id"] for title in FILES}
    for title, (name, data) in FILES.items():
        assert creator.upload(bases[title], name, data)["title"] == title
    for title, question, words, place in ASKED:
        answer = creator.ask(bases[title], question)
        cited = [each for each in answer["citations"] if words in each["quote"]]
        assert cited, (title, answer)
        citation = cited[0]
        assert {name: citation["locator"].get(name) for name in place} == place, citation["locator"]
        path = f"/v1/knowledge-bases/{bases[title]}/documents/{citation['document_id']}"
        document = creator.get(path, params={"revision_id": citation["revision_id"]})
        assert document["text"][citation["start"] : citation["end"]] == citation["quote"]
        assert any(
            anchor["start"] <= citation["start"] and place.items() <= anchor["locator"].items()
            for anchor in document["anchors"]
        ), "the reader's page has the place too"


def test_an_archive_of_many_formats_is_imported_and_what_cannot_be_read_says_why(creator: Person) -> None:
    base = creator.make_base("Everything")
    archive = zipped(
        {
            **dict(FILES.values()),
            "table.csv": "品名,價格\n玫瑰,9.90\n".encode("big5"),
            "notes.md": "# Notes\n\nWater the ferns.\n",
            "partly.pdf": pdf.scanned("Read me, please.", None),
            "scan.pdf": pdf.scanned(None, None),
            "locked.pdf": pdf.book(password="x"),
            "photo.png": pdf.png(),
            "film.mp4": films.mp4(b"stpp"),
            "broken.docx": office.document()[:5000],
        }
    )
    ended = creator.import_archive(base["id"], "everything.zip", archive)
    assert (ended["status"], ended["total"], ended["done"]) == ("done", 15, 10)
    assert {each["name"]: each["code"] for each in ended["failed"]} == {
        "scan.pdf": "scanned_document",
        "locked.pdf": "encrypted_document",
        "photo.png": "ocr_unavailable",
        "film.mp4": "no_subtitles",
        "broken.docx": "damaged_document",
    }
    assert all(each["detail"] for each in ended["failed"])
    listed = creator.get(f"/creator/v1/knowledge-bases/{base['id']}/documents", params={"limit": 50})["data"]
    partly = next(each for each in listed if each["title"] == "partly")
    assert (partly["status"], partly["reason"]["code"]) == ("ready", "scanned_pages")
    assert "page 2" in partly["reason"]["detail"]
