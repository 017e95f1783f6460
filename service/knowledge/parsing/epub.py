"""Books (EPUB): the chapters in the order they are read, each a page of XHTML."""

import posixpath
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from selectolax.lexbor import LexborHTMLParser

from service.knowledge.parsing import html
from service.knowledge.parsing.limits import ParseLimits
from service.knowledge.parsing.packages import Package, resolved
from service.knowledge.parsing.parsed import Parsed, UnreadableFile
from service.knowledge.parsing.writing import Writer, one_line

CONTAINER = "META-INF/container.xml"
ENCRYPTION = "META-INF/encryption.xml"
PAGES = {"application/xhtml+xml", "text/html", "application/x-dtbook+xml"}
FONT_SCRAMBLING = {"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"}


def parse(data: bytes, limits: ParseLimits) -> Parsed:
    """The book's text. Raises ``UnreadableFile``: ``encrypted_document`` under rights management."""
    package = Package(data, limits)
    if ENCRYPTION in package.names and any(
        element.get("Algorithm") not in FONT_SCRAMBLING
        for element in _named(package.xml(ENCRYPTION), "EncryptionMethod")
    ):
        raise UnreadableFile("encrypted_document", "The book is locked by rights management.")
    root = next(_named(package.xml(CONTAINER), "rootfile"), None)
    opf = resolved("", root.get("full-path", "")) if root is not None else ""
    folder, book = posixpath.dirname(opf), package.xml(opf)
    items = {item.get("id"): item for item in _named(book, "item")}
    titles = _titles(package, folder, items, book)
    writer = Writer(limits)
    chapter = 0
    place: dict[str, object] | None = None
    for reference in _named(book, "itemref"):
        item = items.get(reference.get("idref"))
        if item is None or item.get("media-type") not in PAGES or reference.get("linear") == "no":
            continue
        part = resolved(folder, item.get("href", ""))
        if part not in package.names:
            continue
        title = titles.get(part)
        pieces = list(html.readable(html.decoded(package.read(part))))
        if title is not None or place is None or (pieces and pieces[0][2]):
            # A page that no contents name and no heading opens goes on with the chapter before.
            chapter += 1
            heading = next((text for text, _, level in pieces if level), None)
            label = title or one_line(heading or "") or f"chapter {chapter}"
            place = {"label": label, "chapter": chapter}
        if title is not None and not any(level for _, _, level in pieces):
            writer.heading(title, 1, place=place)
        for text, kind, level in pieces:
            writer.add(text, kind, level=level, place=place)
    return writer.parsed()


def _named(element: Element, name: str) -> Iterator[Element]:
    """Elements of this local name, in whatever namespace: books differ."""
    return (found for found in element.iter() if found.tag.rpartition("}")[2] == name)


def _titles(package: Package, folder: str, items: dict[str | None, Element], book: Element) -> dict[str, str]:
    """What the book's contents call each of its pages: the first name that leads there."""
    found: dict[str, str] = {}
    for item in items.values():
        part = resolved(folder, item.get("href", ""))
        if "nav" in item.get("properties", "").split() and part in package.names:
            tree = LexborHTMLParser(html.decoded(package.read(part)))
            for link in tree.css("nav a[href]"):
                target = resolved(posixpath.dirname(part), link.attributes.get("href") or "")
                found.setdefault(target, one_line(link.text()))
    contents = items.get(next(_named(book, "spine"), book).get("toc"))
    if not found and contents is not None:
        part = resolved(folder, contents.get("href", ""))
        for point in _named(package.xml(part), "navPoint") if part in package.names else ():
            content, label = next(_named(point, "content"), None), next(_named(point, "text"), None)
            if content is not None and label is not None:
                target = resolved(posixpath.dirname(part), content.get("src", ""))
                found.setdefault(target, one_line(label.text or ""))
    return {part: title for part, title in found.items() if title}
