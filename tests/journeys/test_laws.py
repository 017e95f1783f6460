"""A lawyer's library of a thousand laws, imported, published and asked in Chinese."""

from pathlib import Path
from typing import Any

import pytest

from tests.journeys.people import Caller, Person, first_metered

pytestmark = pytest.mark.data

QUESTIONS = [
    ("劳动合同期限三年以上的试用期最长多久", "劳动合同法", "第十九条"),
    ("普通诉讼时效是几年", "总则", "第一百八十八条"),
    ("离婚冷静期多少天", "婚姻家庭编", "第一千零七十七条"),
    ("故意伤害他人身体怎么处罚", "刑法", "第二百三十四条"),
    ("離婚冷靜期多少天", "婚姻家庭编", "第一千零七十七条"),
]


@pytest.fixture(scope="module")
def laws(service: Any, data_dir: Path) -> dict[str, Any]:
    """The published library, its creator and a key that may search it."""
    lawyer = Person(service.url, "周明法")
    lawyer.open_profile()
    base = lawyer.make_base("律师的法律图书馆", category="law")
    data = (data_dir / "laws.tar.xz").read_bytes()
    state = lawyer.import_archive(base["id"], "laws.tar.xz", data, seconds=240)
    assert (state["status"], state["total"], state["failed"]) == ("done", 1094, [])
    lawyer.add_plan(base["id"], "year", 19900)
    lawyer.publish(base["id"])
    enterprise = Person(service.url)
    key = enterprise.make_key(enterprise.found_organization())
    return {"id": base["id"], "lawyer": lawyer, "key": key}


@pytest.mark.parametrize(("question", "title", "article"), QUESTIONS)
def test_the_article_is_the_first_passage_and_in_the_answer(
    laws: dict[str, Any], question: str, title: str, article: str
) -> None:
    key: Caller = laws["key"]
    body = {"query": question, "knowledge_base_ids": [laws["id"]], "top_k": 5}
    first = first_metered(key, "/api/v1/passages", body)["passages"][0]
    assert first["title"].startswith(title)
    assert article in first["text"] + str(first["locator"])

    answer = laws["lawyer"].ask(laws["id"], question)
    assert not answer["refused"]
    cited = [one for one in answer["citations"] if one["title"].startswith(title)]
    assert any(article in one["quote"] + str(one["locator"]) for one in cited), answer


def test_a_question_about_baking_bread_is_refused(laws: dict[str, Any]) -> None:
    for question in ("面包怎么烤才松软", "How long does bread dough rise before baking?"):
        answer = laws["lawyer"].ask(laws["id"], question)
        assert answer["refused"], answer
        assert answer["citations"] == []
        assert answer["usage"]["billed_units"] == 0
