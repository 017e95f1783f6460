"""Which texts are editions of one work, and which is the newer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.passages.edition_marks import Mark, mark_of_text, read_label
from search.passages.editions import ALONE, Edition, likeness, recognise, sketch, superseded, supersedes

BODY = "".join(
    f"The team of branch {n} sold {n * 7} lamps and mended {n * 3} chairs in its shop. " for n in range(40)
)
OTHER = "".join(
    f"Rain fell on {n} days, and the river Elbe rose by {n * 2} fingers at noon. " for n in range(40)
)


def newer(new: tuple[str, str], old: tuple[str, str], folders: tuple[str, str] = ("", "")) -> bool:
    return supersedes(recognise(*new, folders[0]), recognise(*old, folders[1]))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("劳动合同法(2007-06-29)", "劳动合同法(2012-12-28)"),
        ("中华人民共和国公司法（2018年10月26日修正）", "公司法(2023-12-29)"),
        ("员工手册2019版", "员工手册（2021修订）"),
        ("2019版员工手册", "2021年版员工手册"),
        ("handbook v1", "Handbook-v2"),
        ("guide_v1.9", "guide v1.10"),
        ("Python 教程 第二版", "Python教程（第十版）"),
        ("Field notes, 1st edition", "Field notes 2nd ed."),
        ("report-2023-05", "report-2023-09"),
        ("price list 20230501", "price list 20231101"),
        ("2022-01-01 terms of service", "2023-02 terms of service"),
        ("policy 2021 v1", "policy 2021 v2"),
    ],
)
def test_two_editions_of_one_work_are_told_by_their_names(old: str, new: str) -> None:
    assert newer((new, BODY), (old, BODY))
    assert not newer((old, BODY), (new, BODY))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("劳动法(2012-12-28)", "劳动合同法(2018-12-29)"),
        ("刑法修正案（十）", "刑法修正案（十一）"),
        ("chapter 1", "chapter 2"),
        ("weekly 2023-05-01", "weekly 2023-05-08"),
        ("会议纪要2023-05-01", "会议纪要2023-05-08"),
        ("invoice-202305", "invoice-202306"),
        ("2022", "2023"),
        ("v1", "v2"),
        ("劳动合同法(2012-12-28)", "劳动合同法"),
        ("handbook v1", "handbook 2023"),
        ("policy 2021", "policy 2021-03"),
        ("covid-19", "covid-20"),
        ("employee handbook v1", "employee handbook for managers v2"),
    ],
)
def test_merely_similar_names_are_of_different_works(one: str, other: str) -> None:
    assert not newer((one, BODY), (other, BODY))
    assert not newer((other, BODY), (one, BODY))


def test_a_date_behind_a_name_that_anything_may_have_takes_like_texts() -> None:
    old = ("report-2023-05", BODY)
    assert newer(("report-2023-06", BODY.replace("lamps", "beds", 9)), old)
    assert not newer(("report-2023-06", OTHER), old)
    assert newer(("劳动合同法(2012-12-28)", OTHER), ("劳动合同法(2007-06-29)", BODY))


def test_a_handbook_of_another_folder_is_another_work_but_a_statute_is_not() -> None:
    assert not newer(("手册v2", BODY), ("手册v1", BODY), ("hr", "it"))
    assert newer(("手册v2", BODY), ("手册v1", BODY), ("hr", "hr"))
    assert newer(("公司法(2023-12-29)", BODY), ("公司法(2018-10-26)", BODY), ("new", "old"))


def test_a_text_without_a_dated_name_is_dated_by_the_lines_it_opens_with() -> None:
    old = "# 公司法\n\n（2005年10月27日修订 2018年10月26日修正）\n\n第一条 为了规范公司。"
    new = (
        "# 公司法\n\n（2023年12月29日第十四届全国人民代表大会常务委员会第七次会议第二次修订）\n\n第一条 新。"
    )
    assert newer(("公司法", new), ("公司法", old))
    dated = "# Privacy\n\nLast updated: {}\n\n" + BODY
    assert newer(("privacy", dated.format("March 3, 2021")), ("privacy", dated.format("1 July 2020")))
    assert recognise("A life", "He was born on 1 May 1901 and moved in 1920.") == ALONE


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        ("**Effective date:** 1 July 2020", Mark((2020, 7, 1))),
        ("修订日期：2021-05-01", Mark((2021, 5, 1))),
        ("版本：2.1\n", Mark(version=(2, 1))),
        ("In 1999 the firm was founded.", None),
    ],
)
def test_marks_in_a_text(line: str, mark: Mark | None) -> None:
    assert mark_of_text(line) == mark


def test_the_year_a_question_names_is_meant_as_it_is() -> None:
    editions = [(1, recognise(f"公司法({year}-10-26)", "")) for year in (2005, 2018)]
    assert superseded(editions) == [True, False]
    assert superseded(editions, "2005年的公司法怎么说") == [False, False]
    assert superseded([(1, editions[0][1]), (2, editions[1][1])]) == [False, False]


@given(st.text(max_size=60), st.text(max_size=300))
def test_anything_is_an_edition_or_stands_alone(title: str, text: str) -> None:
    found = recognise(title, text)
    assert (found == ALONE) == (found.work == "")
    if found.work:
        assert found.mark.label == found.label
        assert not supersedes(found, found)


@given(st.text(min_size=1, max_size=400))
def test_a_text_is_wholly_like_itself(text: str) -> None:
    assert likeness(sketch(text), sketch(text)) == 1.0


@pytest.mark.parametrize("label", ["", "soon", "2021-13", "2021-02-32", "v", "20", "2021 2", "v1.2.3.4.5"])
def test_what_names_no_edition_is_refused(label: str) -> None:
    with pytest.raises(ValueError, match="edition"):
        read_label(label)


def test_what_is_newer_is_never_also_older() -> None:
    marks = [
        Mark((2021,)),
        Mark((2021, 3)),
        Mark((2020, 5)),
        Mark(version=(2,)),
        Mark(version=(2, 0)),
        Mark((2021,), (3,)),
    ]
    for one in marks:
        for other in marks:
            assert not (one.newer_than(other) and other.newer_than(one))
    assert not supersedes(Edition("a", "v2.0"), Edition("a", "v2"))
