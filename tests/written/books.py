"""Books as EPUB packs them, with a table of contents of the third or the second version."""

import io
import zipfile

CONTAINER = (
    '<?xml version="1.0"?><container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0">'
    '<rootfiles><rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles>'
    "</container>"
)
PAGES = {
    "cover.xhtml": "<p>The Garden Book</p>",
    "text/one.xhtml": "<h1>Roses</h1><p>Feed roses with potash in spring.</p>",
    "text/two.xhtml": "<p>薰衣草每周浇水一次。</p><ul><li>夏天多浇</li></ul>",
    "text/three.xhtml": "<p>冬天少浇水。</p>",
}
NAMES = {"cover.xhtml": "Cover", "text/one.xhtml": "Chapter 1: Roses", "text/two.xhtml": "第二章 薰衣草"}
NAV = "<nav epub:type='toc'><ol>{}</ol></nav>"
NCX = '<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>{}</navMap></ncx>'


def book(*, version: int = 3, locked: bool = False) -> bytes:
    """Four pages: the last belongs to the chapter before it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        made.writestr("META-INF/container.xml", CONTAINER)
        made.writestr("OEBPS/book.opf", _opf(version))
        for name, body in PAGES.items():
            made.writestr(f"OEBPS/{name}", _page(body))
        if version == 3:
            links = "".join(f'<li><a href="{name}#top">{title}</a></li>' for name, title in NAMES.items())
            made.writestr("OEBPS/nav.xhtml", _page(NAV.format(links)))
        else:
            points = "".join(
                f'<navPoint><navLabel><text>{title}</text></navLabel><content src="{name}"/></navPoint>'
                for name, title in NAMES.items()
            )
            made.writestr("OEBPS/toc.ncx", NCX.format(points))
        if locked:
            method = '<EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#aes128-cbc"/>'
            made.writestr("META-INF/encryption.xml", f"<encryption>{method}</encryption>")
    return out.getvalue()


def _page(body: str) -> str:
    return (
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"'
        f' xmlns:epub="http://www.idpf.org/2007/ops"><head><title>t</title></head><body>{body}</body></html>'
    )


def _opf(version: int) -> str:
    pages = "".join(
        f'<item id="p{number}" href="{name}" media-type="application/xhtml+xml"/>'
        for number, name in enumerate(PAGES)
    )
    contents = (
        '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
        if version == 3
        else '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>'
    )
    spine = "".join(f'<itemref idref="p{number}"/>' for number in range(len(PAGES)))
    return (
        f'<package xmlns="http://www.idpf.org/2007/opf" version="{version}.0"><metadata/>'
        f'<manifest>{pages}{contents}</manifest><spine toc="ncx">{spine}</spine></package>'
    )
