"""How a knowledge base presents itself: suggested from its texts, edited by its owner, applied, and seen."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from search.engine.port import CardQuery
from service.answering.openai_model import ModelConfig, OpenAIModel
from service.platform.database import Database
from service.usecases.package_knowledge_base import suggest_packaging
from tests.integration.library import Json
from tests.integration.questions import CANARY, FREE_QUESTION, QUESTION, World, open_world
from tests.stubs.openai_server import saying, stub_model

ALL = ["title", "tagline", "summary", "category", "tags", "sample_questions"]


@pytest.fixture
async def world(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(database, database_url, tmp_path) as made:
        yield made


def path_of(world: World) -> str:
    return f"/knowledge-bases/{world.base['id']}/packaging"


async def suggested(world: World) -> Json:
    """The suggestion, once the worker has made it."""
    asked = await world.creator.send("POST", path_of(world))
    assert (asked.status_code, asked.json()["status"]) == (202, "queued")
    await world.library.work()
    made = await world.creator.get(path_of(world))
    assert made["status"] == "ready", made
    return made


async def page(world: World, headers: dict[str, str] | None = None) -> Json:
    shown = await world.client.get(f"/v1/knowledge-bases/{world.base['id']}", headers=headers)
    assert shown.status_code == 200
    return dict(shown.json())


async def said_by(world: World, source: Json) -> str:
    text = await world.text_of(source["revision_id"])
    return text[source["start"] : source["end"]]


async def test_every_suggestion_is_of_the_texts_word_for_word_and_says_where(world: World) -> None:
    made = await suggested(world)
    assert made["written_by"] == "extract"
    suggestion, draft = made["suggestion"], made["draft"]
    for name in ("tagline", "summary"):
        (source,) = suggestion[name]["sources"]
        assert suggestion[name]["value"] == (await said_by(world, source)).strip()
        assert source["tier"] == "free", "paid sentences are not offered where there is a free one"
        assert suggestion[name]["free"] is True
    assert suggestion["tags"]
    for tag in suggestion["tags"]:
        assert tag["value"] == await said_by(world, tag["sources"][0])
        assert tag["free"] == (tag["sources"][0]["tier"] == "free")
    assert "试用期" in [tag["value"] for tag in suggestion["tags"]]
    assert suggestion["category"]["value"] == "法律"
    assert draft["tagline"] == suggestion["tagline"]["value"]
    assert [one["question"] for one in draft["sample_questions"]] == [
        one["question"] for one in suggestion["sample_questions"]
    ]


async def test_each_sample_question_is_answered_and_it_is_said_for_whom(world: World) -> None:
    questions = (await suggested(world))["suggestion"]["sample_questions"]
    assert {one["free_answer"] for one in questions} == {True, False}
    subscriber = await world.reader(subscribed=True)
    # Who asks together with an open base of their own is answered from the free tier of this one.
    own = await world.library.creator("own")
    theirs = await own.knowledge_base("自己的")
    ids = [world.base["id"], theirs["id"]]
    for one in questions:
        answer = await world.answer(subscriber, one["question"])
        assert not answer["refused"]
        assert answer["citations"][0]["start"] == one["sources"][0]["start"]
        body = {"question": one["question"], "knowledge_base_ids": ids}
        free = await world.client.post("/v1/ask", json=body, headers=own.person.headers)
        assert free.json()["refused"] is not one["free_answer"]
        assert one["free_answer"] == any(source["tier"] == "free" for source in one["sources"])


async def test_nothing_shows_before_it_is_applied_and_only_what_was_chosen_then(world: World) -> None:
    before = await page(world)
    await suggested(world)
    changes = {
        "tagline": "一眼看懂劳动合同",
        "summary": "写给人事的手册。",
        "sample_questions": [FREE_QUESTION],
    }
    edited = await world.creator.patch(path_of(world), changes)
    assert edited["draft"]["sample_questions"] == [{"question": FREE_QUESTION, "free_answer": True}]
    await world.library.work()
    assert await page(world) == before
    assert not (await world.context.cards.search(CardQuery(q="一眼看懂"))).hits
    applied = await world.creator.post(f"{path_of(world)}/apply", {"fields": ["tagline", "sample_questions"]})
    assert (applied["tagline"], applied["summary"]) == ("一眼看懂劳动合同", before["summary"])
    await world.library.work()
    shown = await page(world)
    assert (shown["tagline"], shown["sample_questions"]) == ("一眼看懂劳动合同", [FREE_QUESTION])
    found = (await world.client.get("/v1/square", params={"q": "一眼看懂"})).json()["data"]
    assert [card["tagline"] for card in found] == ["一眼看懂劳动合同"]
    assert "<em>" in found[0]["highlights"]["tagline"]


async def test_a_free_readers_page_names_nothing_that_only_paid_text_holds(world: World) -> None:
    await suggested(world)
    # Free text answers the second, but only paid text knows the word in it.
    mixed = f"{CANARY}的职工连续工作一年以上带薪年休假几天"
    await world.creator.patch(path_of(world), {"sample_questions": [QUESTION, mixed, FREE_QUESTION]})
    await world.creator.post(f"{path_of(world)}/apply", {"fields": ["sample_questions"]})
    await world.library.work()
    subscriber, reader = await world.reader(subscribed=True), await world.reader()
    assert (await page(world, subscriber.headers))["sample_questions"] == [QUESTION, mixed, FREE_QUESTION]
    for headers in (None, reader.headers):
        shown = await page(world, headers)
        assert shown["sample_questions"] == [FREE_QUESTION]
        assert CANARY not in str(shown)
    square = await world.client.get("/v1/square")
    assert CANARY not in square.text
    document = f"/knowledge-bases/{world.base['id']}/documents"
    await world.creator.patch(f"{document}/{world.free['id']}", {"tier": "paid"})
    assert (await page(world))["sample_questions"] == [], "what is closed counts from its change on"
    await world.creator.patch(f"{document}/{world.free['id']}", {"tier": "free"})
    await world.library.work()
    before = await page(world)
    assert before["sample_questions"] == [FREE_QUESTION]
    await world.creator.delete(f"{document}/{world.paid['id']}")
    after = await page(world)
    assert after["sample_questions"] == before["sample_questions"], "as if the rest did not exist"
    assert QUESTION not in (await page(world, subscriber.headers))["sample_questions"]


async def test_a_question_that_nothing_answers_is_refused_and_pointed_at(world: World) -> None:
    await suggested(world)
    body = {"sample_questions": [FREE_QUESTION, "如何烘焙法棍面包"]}
    refused = await world.creator.send("PATCH", path_of(world), json=body)
    assert (refused.status_code, refused.json()["code"]) == (400, "question_unanswered")
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/sample_questions/1"]
    many = await world.creator.send("PATCH", path_of(world), json={"sample_questions": [FREE_QUESTION] * 6})
    assert (many.status_code, many.json()["code"]) == (400, "invalid_input")


async def test_it_is_the_owners_alone_and_there_when_it_is_asked_for(world: World) -> None:
    path = path_of(world)
    assert (await world.creator.send("GET", path)).json()["code"] == "packaging_not_found"
    stranger = await world.library.creator("stranger")
    once = {"idempotency-key": "p"}
    first = await world.creator.send("POST", path, headers=once)
    unready = await world.creator.send("POST", f"{path}/apply", json={"fields": ALL})
    assert (unready.status_code, unready.json()["code"]) == (409, "packaging_unfinished")
    await world.library.work()
    assert (await world.creator.send("POST", path, headers=once)).json() == first.json()
    assert (await world.creator.get(path))["status"] == "ready", (
        "asked again with its key, it is not made again"
    )
    calls: tuple[tuple[str, str, Json | None], ...]
    calls = (("GET", "", None), ("POST", "", None), ("PATCH", "", {}), ("POST", "/apply", {"fields": ALL}))
    for method, more, body in calls:
        assert (await stranger.send(method, path + more, json=body)).status_code == 404
    empty = await stranger.knowledge_base("空的")
    nothing = await stranger.send("POST", f"/knowledge-bases/{empty['id']}/packaging")
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_to_package")


async def test_a_model_words_what_the_texts_support_and_nothing_else(world: World) -> None:
    said = (
        "TITLE: 年休假 [1]\nTAGLINE: 连续工作一年以上，享受带薪年休假五天 [1]\nTAGLINE: 第二句 [1]\n"
        "SUMMARY: 享受带薪年休假十五天 [1]\nSUMMARY: 公司发放月饼 [1]\nTAG: 年休假 [1]\nTAG: 月饼 [1]\n"
        "TAG: https://evil.example [1]\nCATEGORY: 天文 [1]\n"
        "QUESTION: 职工连续工作一年以上带薪年休假几天 [1]\n"
        "职工连续工作一年以上的，享受带薪年休假五天。[1]\n"
    )
    await world.creator.send("POST", path_of(world))
    async with stub_model(saying(said)) as stub:
        model = OpenAIModel(ModelConfig("stub", stub.base_url, "k", 512, 5.0, 30.0))
        await suggest_packaging(replace(world.context, model=model), knowledge_base_id=world.base["id"])
        await model.close()
    made = await world.creator.get(path_of(world))
    assert made["written_by"] == "stub"
    suggestion = made["suggestion"]
    assert suggestion["title"]["value"] == "年休假"
    assert suggestion["tagline"]["value"] == "连续工作一年以上，享受带薪年休假五天"
    assert suggestion["summary"]["value"] == "职工连续工作一年以上的，享受带薪年休假五天。", (
        "the extract stands in"
    )
    assert [tag["value"] for tag in suggestion["tags"]] == ["年休假"]
    assert suggestion["category"]["value"] == "法律"
    assert suggestion["sample_questions"][0]["question"] == FREE_QUESTION
    for one in (suggestion["title"], suggestion["tagline"], *suggestion["tags"]):
        assert "年休假" in await said_by(world, one["sources"][0])


async def test_a_model_that_is_away_leaves_the_extract(world: World) -> None:
    await world.creator.send("POST", path_of(world))
    async with stub_model(saying("")) as stub:
        stub.status = 500
        model = OpenAIModel(ModelConfig("stub", stub.base_url, "k", 512, 5.0, 30.0))
        await suggest_packaging(replace(world.context, model=model), knowledge_base_id=world.base["id"])
        await model.close()
    made = await world.creator.get(path_of(world))
    assert (made["status"], made["written_by"]) == ("ready", "extract")
    assert made["suggestion"]["sample_questions"]
