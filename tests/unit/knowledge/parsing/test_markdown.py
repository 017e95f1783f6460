"""Markdown keeps its own text, and its blocks know their headings and articles."""

from service.knowledge.parsing.markdown import parse

LAW = """# 中华人民共和国劳动合同法

2007年6月29日通过

<!-- INFO END -->

## 第二章 劳动合同的订立

第十九条 劳动合同期限三个月以上不满一年的，试用期不得超过一个月。

同一用人单位与同一劳动者只能约定一次试用期。

第二十条 依照第十九条规定的工资，不得低于最低档。
"""


def spans(text: str) -> list[tuple[str, str, str]]:
    parsed = parse(text)
    return [
        (block.kind, block.locator["label"], parsed.text[block.start : block.end]) for block in parsed.blocks
    ]


def test_the_text_is_the_file_itself() -> None:
    text = "\ufeff# T\r\n\r\na *b*\r\n"
    assert parse(text).text == text


def test_a_statute_is_located_by_chapter_and_article() -> None:
    found = spans(LAW)
    label = "第二章 劳动合同的订立 › 第十九条"
    assert ("article", label, "第十九条 劳动合同期限三个月以上不满一年的，试用期不得超过一个月。") in found
    assert ("paragraph", label, "同一用人单位与同一劳动者只能约定一次试用期。") in found
    assert found[-1][:2] == ("article", "第二章 劳动合同的订立 › 第二十条")


def test_an_articles_locator_names_it_apart() -> None:
    last = parse(LAW).blocks[-1].locator
    assert last == {
        "label": "第二章 劳动合同的订立 › 第二十条",
        "heading_path": ["第二章 劳动合同的订立"],
        "article": "第二十条",
    }


def test_articles_on_neighbouring_lines_are_blocks_of_their_own() -> None:
    found = spans("# 法\n\n第一条 甲。\n第二条 乙。\n第三条之一 丙。\n")
    assert [label for _, label, _ in found] == ["法", "第一条", "第二条", "第三条之一"]


def test_a_reference_at_the_start_of_a_paragraph_is_no_article() -> None:
    found = spans("# 法\n\n第一条 甲。\n\n第二条规定的情形除外。\n")
    assert [label for _, label, _ in found] == ["法", "第一条", "第一条"]


def test_amending_provisions_with_suffixes_and_titles_are_articles() -> None:
    found = spans(
        "**第二百三十四条** 【故意伤害罪】故意伤害他人身体的，处三年以下。\n\n第一百二十条之二 有下列情形\n"
    )
    assert [label for _, label, _ in found] == ["第二百三十四条", "第一百二十条之二"]


def test_the_title_of_the_text_stands_for_what_is_under_no_other_heading() -> None:
    assert spans(LAW)[1][:2] == ("paragraph", "中华人民共和国劳动合同法")


def test_several_first_level_headings_are_part_of_the_path() -> None:
    found = spans("# A\n\nx\n\n# B\n\n## C\n\ny\n")
    assert [label for kind, label, _ in found if kind == "paragraph"] == ["A", "B › C"]


def test_lists_quotes_tables_and_code_are_told_apart() -> None:
    text = "- a\n- b\n  - c\n\n> q\n\n|x|y|\n|-|-|\n|1|2|\n\n```py\n# no heading\n```\n\nSetext\n======\n"
    assert [(kind, written) for kind, _, written in spans(text)] == [
        ("list_item", "- a"),
        ("list_item", "- b"),
        ("list_item", "- c"),
        ("quote", "> q"),
        ("table", "|x|y|\n|-|-|\n|1|2|"),
        ("code", "```py\n# no heading\n```"),
        ("heading", "Setext\n======"),
    ]


def test_front_matter_and_comments_are_no_blocks_but_stay_in_the_text() -> None:
    text = "---\ntitle: x\n---\n# T\n\nbody\n\n<!-- note -->\n"
    parsed = parse(text)
    assert [block.kind for block in parsed.blocks] == ["heading", "paragraph"]
    assert parsed.text == text


def test_windows_line_ends_move_no_offset() -> None:
    assert [written for _, _, written in spans("# T\r\n\r\na\r\nb\r\n\r\nc\r\n")] == ["# T", "a\r\nb", "c"]


def test_blocks_come_in_order_and_never_overlap() -> None:
    end = 0
    for block in parse(LAW).blocks:
        assert end <= block.start < block.end
        end = block.end
