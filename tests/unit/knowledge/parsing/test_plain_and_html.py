"""Plain text and HTML as documents."""

import time

from service.knowledge.parsing import html, plain
from service.knowledge.parsing.parsed import Parsed


def shown(parsed: Parsed) -> list[tuple[str, str, str]]:
    return [(b.kind, b.locator["label"], parsed.text[b.start : b.end]) for b in parsed.blocks]


def test_plain_text_keeps_every_code_point() -> None:
    text = "\ufeffa\r\n\r\n\u200b𝒳 \u00a0b\r"
    assert plain.parse(text).text == text


def test_a_statute_in_plain_text_is_located_too() -> None:
    parsed = plain.parse(
        "第一章 总则\n第一条 甲。\n续。\n第二条\u3000乙。\n\n第二章 其他\n\u3000\u3000第三条 丙。\n"
    )
    assert shown(parsed) == [
        ("heading", "第一章 总则", "第一章 总则"),
        ("article", "第一章 总则 › 第一条", "第一条 甲。\n续。"),
        ("article", "第一章 总则 › 第二条", "第二条\u3000乙。"),
        ("heading", "第二章 其他", "第二章 其他"),
        ("article", "第二章 其他 › 第三条", "第三条 丙。"),
    ]


def test_text_without_headings_is_located_by_line() -> None:
    parsed = plain.parse("one\ntwo\n\nthree\n")
    assert shown(parsed) == [("paragraph", "L1", "one\ntwo"), ("paragraph", "L4", "three")]
    assert parsed.blocks[1].locator["line"] == 4


def test_a_page_becomes_what_its_reader_reads() -> None:
    page = """<html><head><title>t</title><style>p{}</style></head><body><nav>menu</nav>
      <h1>Big <b>title</b></h1><p>First   para<br>graph.<script>alert(1)</script></p>
      <ul><li>one<li>two <i>and</i> more</ul><pre>x\n  y</pre><p hidden>no</p>
      <h2>Part</h2><table><tr><td>1<td>2</tr></table></body></html>"""
    parsed = html.parse(page)
    assert parsed.text == "Big title\n\nFirst para graph.\n\none\n\ntwo and more\n\nx\n  y\n\nPart\n\n1 2"
    assert shown(parsed)[-1] == ("table", "Part", "1 2")
    assert [block.kind for block in parsed.blocks] == [
        *("heading", "paragraph", "list_item", "list_item", "code", "heading", "table")
    ]


def test_a_page_is_read_in_the_encoding_it_names() -> None:
    page = '<meta charset="gbk"><h1>劳动合同法</h1><p>第十九条 试用期</p>'.encode("gbk")
    assert shown(html.parse_bytes(page))[-1] == ("article", "第十九条", "第十九条 试用期")


def test_a_page_nested_a_hundred_thousand_deep_is_read_within_seconds() -> None:
    started = time.process_time()
    page = html.parse("<div>" * 100_000 + "deep" + "</div>" * 100_000 + "<p>after</p>")
    assert page.text == "deep\n\nafter"
    assert time.process_time() - started < 5


def test_a_page_of_ordinary_depth_keeps_every_element() -> None:
    rows = "".join(f"<li>row {number}" for number in range(2000))
    page = html.parse(f"<div><ul>{rows}</ul></div><h1>Title</h1><p>text<br>more</p>")
    assert len(page.text.split("\n\n")) == 2002
