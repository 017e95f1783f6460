"""Office files as python-docx, python-pptx and openpyxl write them."""

import io

import docx

GRAIN = [["Grain", "Sown"], ["Wheat", "October"], ["Barley", "March"]]


def document() -> bytes:
    """Headings, paragraphs, a list and a table, in an order that tells."""
    made = docx.Document()
    made.add_heading("The farm", 0)
    made.add_heading("Crops", 1)
    made.add_paragraph("Wheat stands longest on the field.")
    made.add_paragraph("plough", style="List Bullet")
    made.add_paragraph("sow", style="List Bullet")
    table = made.add_table(len(GRAIN), 2)
    for number, row in enumerate(GRAIN):
        for column, cell in enumerate(row):
            table.cell(number, column).text = cell
    made.add_heading("Animals", 1)
    made.add_heading("Hens", 2)
    made.add_paragraph("母鸡每天下一个蛋。")
    return _saved(made)


def contract() -> bytes:
    """A statute's articles in plain paragraphs, without a heading style."""
    made = docx.Document()
    for line in ("劳动合同法", "第一条 为了完善劳动合同制度。", "第二条 本法适用于中国境内的企业。"):
        made.add_paragraph(line)
    return _saved(made)


def _saved(made: "docx.document.Document") -> bytes:
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()
