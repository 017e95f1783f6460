"""A creator makes a knowledge base, fills it, prices it and publishes it."""

from typing import Any
from uuid import uuid4

from tests.journeys import texts
from tests.journeys.people import Caller, Person, eventually, fen
from tests.journeys.serving import Served


def test_a_creator_uploads_imports_prices_and_publishes(service: Served, creator: Person) -> None:
    base = creator.make_base("陽台園藝", free_questions=2)
    assert base["status"] == "draft"
    assert base["slug"]
    document = creator.upload(base["id"], "roses.md", texts.ROSE)
    assert document["title"] == "roses"
    assert document["tier"] == "paid"
    entries = {"notes/薰衣草.md": texts.LAVENDER.encode(), "notes/ferns.txt": texts.FERN.encode()}
    state = creator.import_archive(base["id"], "notes.zip", texts.archive(entries))
    assert (state["status"], state["total"], state["done"], state["failed"]) == ("done", 2, 2, [])
    listed = creator.get(f"/creator/v1/knowledge-bases/{base['id']}/documents")["data"]
    assert {one["title"] for one in listed} == {"roses", "薰衣草", "ferns"}

    creator.add_plan(base["id"], "month", 990)
    creator.add_plan(base["id"], "year", 9900)
    creator.post(f"/creator/v1/knowledge-bases/{base['id']}/publish", {}, expect=400)
    creator.publish(base["id"])

    anybody = Caller(service.url)
    card = anybody.get(f"/v1/knowledge-bases/{base['slug']}")
    assert {(plan["interval"], plan["price"]["amount"]) for plan in card["plans"]} == {
        ("month", 990),
        ("year", 9900),
    }


def test_an_import_tells_of_its_progress_as_events(creator: Person) -> None:
    base = creator.make_base()
    path = f"/creator/v1/knowledge-bases/{base['id']}/imports"
    data = texts.archive({f"{n}.md": f"# Note {n}\n\nSeed packet number {n}.".encode() for n in range(5)})
    job = creator.call(
        "POST", path, expect=202, files={"file": ("notes.zip", data)}, data={"kind": "archive"}
    )
    with creator.http.stream("GET", f"/creator/v1/imports/{job['id']}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        seen = "".join(response.iter_text())
    assert '"done":5' in seen.replace(" ", "")


def test_one_bad_file_of_an_archive_is_named_and_the_others_go_on(creator: Person) -> None:
    base = creator.make_base()
    entries = {
        "roses.md": texts.ROSE.encode(),
        "photo.md": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4,
        "ferns.md": texts.FERN.encode(),
    }
    state = creator.import_archive(base["id"], "notes.zip", texts.archive(entries))
    assert (state["status"], state["total"], state["done"]) == ("done", 3, 2)
    (failed,) = state["failed"]
    assert failed["name"].endswith("photo.md")
    assert failed["code"]
    assert failed["detail"]
    listed = creator.get(f"/creator/v1/knowledge-bases/{base['id']}/documents")["data"]
    assert {one["title"] for one in listed if one["status"] == "ready"} == {"roses", "ferns"}


def test_plain_text_keeps_every_code_point_it_came_with(creator: Person) -> None:
    base = creator.make_base()
    document = creator.upload(base["id"], "原樣.txt", texts.PUNCTUATION.encode())
    read = creator.get(f"/v1/knowledge-bases/{base['id']}/documents/{document['id']}")
    assert read["text"].lstrip("\ufeff") == texts.PUNCTUATION.lstrip("\ufeff")


def test_anothers_draft_is_not_there_for_a_creator(service: Served, creator: Person) -> None:
    base = creator.make_base("私房筆記")
    document = creator.upload(base["id"], "roses.md", texts.ROSE)
    other = Person(service.url)
    other.open_profile()
    own = f"/creator/v1/knowledge-bases/{base['id']}"
    for path in (own, f"{own}/documents", f"{own}/documents/{document['id']}", f"{own}/plans"):
        other.get(path, expect=404)
        creator.get(path)
    other.call("PATCH", own, expect=404, json={"title": "mine now"})
    other.call("DELETE", own, expect=404)
    other.get(f"/v1/knowledge-bases/{base['id']}", expect=404)
    other.get(f"/v1/knowledge-bases/{base['id']}/documents/{document['id']}", expect=404)
    other.ask(base["id"], "When should I feed roses?", expect=404)
    assert "potash" in creator.ask(base["id"], "When should I feed roses with potash?")["text"]
    Caller(service.url).get(f"/k/{base['slug']}", expect=404)


def test_the_same_key_and_body_answers_the_same_and_another_body_is_a_conflict(creator: Person) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    body = {
        "title": "一次就好",
        "summary": "s",
        "category": "c",
        "tags": [],
        "language": "zh",
        "api_price": fen(5),
    }
    path = "/creator/v1/knowledge-bases"
    first: dict[str, Any] = creator.post(path, body, headers=headers)
    assert creator.post(path, body, headers=headers) == first
    conflict = creator.post(path, body | {"title": "Another"}, headers=headers, expect=409)
    assert conflict["code"] == "idempotency_conflict"
    titles = [one["title"] for one in creator.get(path)["data"]]
    assert titles.count("一次就好") == 1


def test_an_unpublished_base_leaves_the_square(service: Served, creator: Person) -> None:
    word = f"q{uuid4().hex[:10]}"
    base = creator.publish_texts(f"Moss {word}", [texts.FERN])
    anybody = Caller(service.url)

    def found() -> list[Any]:
        return [one["id"] for one in anybody.get("/v1/square", params={"q": word})["data"]]

    eventually(lambda: base["id"] in found() or None, what="the card")
    creator.post(f"/creator/v1/knowledge-bases/{base['id']}/unpublish", expect=200)
    eventually(lambda: base["id"] not in found() or None, what="the card's removal")
    anybody.get(f"/v1/knowledge-bases/{base['slug']}", expect=404)
