"""PDFs as reportlab writes them."""

import io
from typing import Any

from PIL import Image as Picture
from PIL import ImageDraw
from reportlab.lib.pagesizes import A4
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

ROSES = "Feed roses with potash in early spring and again after the first flush of flowers in June."
LAW = (
    "第十九条　劳动合同期限三个月以上不满一年的，试用期不得超过一个月；劳动合同期限一年以上不满三年的，"
    "试用期不得超过二个月；三年以上固定期限和无固定期限的劳动合同，试用期不得超过六个月。"
)
WATERING = [["Plant", "Watering"], ["Rose", "weekly"], ["Lavender", "monthly"]]


def book(*, password: str | None = None) -> bytes:
    """Three pages: English with headings, a ruled table, and a Chinese article."""
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    styles: Any = getSampleStyleSheet()
    chinese = styles["Normal"].clone("chinese", fontName="STSong-Light", wordWrap="CJK")
    table = Table(WATERING, style=TableStyle([("GRID", (0, 0), (-1, -1), 1, "black")]))
    out = io.BytesIO()
    encryption = StandardEncryption(password, canPrint=0) if password else None
    SimpleDocTemplate(out, pagesize=A4, encrypt=encryption, invariant=1).build(
        [
            Paragraph("Roses", styles["Heading1"]),
            Paragraph(
                ROSES + " They grow on any soil that holds its water well enough. " * 6, styles["Normal"]
            ),
            Spacer(1, 14),
            Paragraph("Prune them in March.", styles["Normal"]),
            PageBreak(),
            Paragraph("Watering", styles["Heading1"]),
            table,
            Spacer(1, 14),
            Paragraph("Less in winter.", styles["Normal"]),
            PageBreak(),
            Paragraph(LAW, chinese),
        ]
    )
    return out.getvalue()


def scanned(*pages: str | None) -> bytes:
    """A page for each: with its text, or (None) with a picture alone."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    for text in pages:
        if text is None:
            canvas.drawImage(ImageReader(picture("A scanned page")), 0, 0, *A4)
        elif text:
            canvas.drawString(72, 720, text)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def running(pages: int) -> bytes:
    """Pages with a running header, their number below, and a sentence of their own."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1)
    for number in range(1, pages + 1):
        canvas.drawString(72, 800, "The garden book")
        for line in range(5):
            canvas.drawString(72, 700 - 14 * line, f"Sentence {number}.{line} of a page of its own is here.")
        canvas.drawString(300, 30, f"- {number} -")
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def picture(text: str) -> Picture.Image:
    image = Picture.new("RGB", (620, 877), "white")
    ImageDraw.Draw(image).text((60, 60), text, fill="black")
    return image


def png(text: str = "A scanned page") -> bytes:
    out = io.BytesIO()
    picture(text).save(out, "PNG")
    return out.getvalue()
