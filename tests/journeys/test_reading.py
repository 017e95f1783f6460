"""A reader finds a knowledge base, reads what is free, asks what is free, and meets the price."""

from hashlib import sha256
from uuid import uuid4

from tests.journeys import texts
from tests.journeys.people import Caller, Person, eventually
from tests.journeys.serving import Served


def test_the_square_is_searched_in_both_scripts_and_both_languages(service: Served, creator: Person) -> None:
    word = f"w{uuid4().hex[:10]}"
    base = creator.publish_texts(
        f"陽台園藝 {word}", [texts.LAVENDER], summary="简体写的摘要：标准的阳台植物。Potted herbs"
    )
    anybody = Caller(service.url)
    for query in (word, f"{word} 陽台", f"{word} 阳台", f"{word} 標準", f"{word} potted herb"):

        def found(query: str = query) -> bool | None:
            cards = anybody.get("/v1/square", params={"q": query})["data"]
            return any(card["id"] == base["id"] for card in cards) or None

        eventually(found, what=f"the card for {query!r}")
    card = anybody.get("/v1/square", params={"q": word})["data"][0]
    assert card["slug"] == base["slug"]
    assert card["creator"]["name"] == "林知行"
    assert card["plans"][0]["price"] == {"amount": 990, "currency": "cny"}


def test_a_free_document_is_open_to_anybody_and_a_paid_one_is_402(service: Served, creator: Person) -> None:
    base = creator.publish_texts("植物", [texts.ROSE], [texts.FREE])
    anybody = Caller(service.url)
    card = anybody.get(f"/v1/knowledge-bases/{base['id']}")
    (free,) = card["free_documents"]
    read = anybody.get(f"/v1/knowledge-bases/{base['id']}/documents/{free['id']}")
    assert "This preface is free for everybody." in read["text"]
    listed = creator.get(f"/creator/v1/knowledge-bases/{base['id']}/documents")["data"]
    paid = next(one["id"] for one in listed if one["tier"] == "paid")
    problem = anybody.get(f"/v1/knowledge-bases/{base['id']}/documents/{paid}", expect=402)
    assert problem["code"] == "entitlement_required"
    assert [plan["id"] for plan in problem["plans"]] == [base["plan"]["id"]]


def test_two_free_questions_then_the_plans(creator: Person, person: Person) -> None:
    base = creator.publish_texts("玫瑰", [texts.ROSE, texts.LAVENDER], free_questions=2)
    refused = person.ask(base["id"], "What is the capital of Mongolia?")
    assert refused["refused"]
    assert refused["citations"] == []
    assert refused["usage"] == {"billed_units": 0, "remaining_free": 2}
    first = person.ask(base["id"], "When should I feed roses with potash?")
    assert "potash in early spring" in first["text"]
    assert first["usage"]["remaining_free"] == 1
    second = person.ask(base["id"], "薰衣草多久浇水一次？")
    assert "每周浇水一次" in second["text"]
    assert second["usage"]["remaining_free"] == 0
    problem = person.ask(base["id"], "How are climbing roses trained?", expect=402)
    assert problem["code"] == "entitlement_required"
    assert [plan["id"] for plan in problem["plans"]] == [base["plan"]["id"]]


def test_every_citation_is_the_exact_span_it_names(creator: Person) -> None:
    base = creator.publish_texts("引文", [texts.ROSE, texts.LAVENDER])
    for question in ("When should I feed roses with potash?", "薰衣草什么时候修剪？"):
        answer = creator.ask(base["id"], question)
        assert answer["citations"]
        for citation in answer["citations"]:
            path = f"/v1/knowledge-bases/{citation['knowledge_base_id']}/documents/{citation['document_id']}"
            document = creator.get(path, params={"revision_id": citation["revision_id"]})
            span = document["text"][citation["start"] : citation["end"]]
            assert span == citation["quote"]
            assert sha256(span.encode()).hexdigest() == citation["sha256"]


def test_a_question_to_two_bases_is_answered_from_the_one_that_is_the_readers(
    service: Served, creator: Person, person: Person
) -> None:
    mine = creator.publish_texts("My roses", [texts.ROSE])
    other = Person(service.url)
    other.open_profile()
    theirs = other.publish_texts("Their tomatoes", [texts.TOMATO])
    person.subscribe(mine)
    both = [mine["id"], theirs["id"]]
    question = "When should I feed roses with potash?"
    answer = person.post("/v1/ask", {"question": question, "knowledge_base_ids": both}, expect=200)
    assert {citation["knowledge_base_id"] for citation in answer["citations"]} == {mine["id"]}
    assert "cordon" not in str(answer)
    foreign = person.post(
        "/v1/ask",
        {"question": "How often are cordon tomatoes pinched out?", "knowledge_base_ids": both},
        expect=200,
    )
    assert "every week" not in str(foreign)
    closed = {"question": question, "knowledge_base_ids": [theirs["id"]]}
    person.post("/v1/ask", closed, expect=402)


def test_a_streamed_answer_cites_and_ends_with_done(creator: Person) -> None:
    base = creator.publish_texts("流", [texts.ROSE])
    path = f"/v1/knowledge-bases/{base['id']}/ask"
    body = {"question": "When should I feed roses with potash?"}
    headers = {"Accept": "text/event-stream"}
    with creator.http.stream("POST", path, json=body, headers=headers) as response:
        assert response.status_code == 200
        events = [line[6:].strip() for line in response.iter_lines() if line.startswith("event:")]
    assert events[0] == "meta"
    assert "delta" in events
    assert "citation" in events
    assert events[-1] == "done"
