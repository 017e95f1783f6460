"""How questions are put, what they name, and what of a model's suggestions is kept."""

import pytest

from service.answering.packaging import ask_about, names_only, read_packaging

PIECES = ["Feed roses with potash in early spring.", "Prune climbing roses in February."]


@pytest.mark.parametrize(
    ("topic", "text", "tag", "question"),
    [
        ("试用期", "试用期不得超过六个月。", "zh", "试用期有什么规定？"),
        ("陽台", "陽台上可以種花。", "zh", "陽台是怎麼回事？"),
        ("桜", "桜は春に咲きます。", "ja", "桜とは何ですか？"),
        ("Feeding", "The feeding of roses begins in spring, and they are fed again in June.", "en",
         "What about feeding?"),
        ("NASA", "The engineers at NASA have built another rocket for the moon.", "en", "What about NASA?"),
        ("Rosen", "Die Rosen werden im Frühling mit Kali gedüngt und dann nicht mehr.", "de", "Rosen?"),
    ],
)  # fmt: skip
def test_a_question_is_put_in_its_texts_language(topic: str, text: str, tag: str, question: str) -> None:
    assert ask_about(topic, text, tag) == question


@pytest.mark.parametrize(
    ("question", "texts", "named"),
    [
        ("年休假是怎么回事？", ["职工享受年休假。"], True),
        ("年休假的天数是多少？", ["职工享受年休假。"], False),
        ("七彩独角兽的年休假是多少？", ["职工享受年休假。"], False),
        ("三年劳动合同的试用期最长多久", ["三年期的劳动合同，试用期六个月。"], True),
        ("What about pruning the roses?", ["Roses are pruned in spring."], True),
        ("What about pruning the unicorns?", ["Roses are pruned in spring."], False),
        ("阳台有什么规定？", ["陽台不得種樹。"], True),
    ],
)
def test_what_a_question_names_must_stand_in_the_texts(question: str, texts: list[str], named: bool) -> None:
    assert names_only(question, texts) is named


def test_lines_are_kept_if_the_pieces_they_name_support_them() -> None:
    reply = """Sure, here it is:
TITLE: Climbing roses [2]
TAGLINE: Feed roses with potash in early spring [1]
TAGLINE: Prune roses [2]
SUMMARY: Feed roses with potash in late autumn every year for luck [1]
SUMMARY: Prune climbing roses in February. [2]
TAG: roses [1][2]
TAG: unicorns [1]
TAG: potash [9]
CATEGORY: Astronomy [1]
QUESTION: When are climbing roses pruned? [2]
QUESTION: See https://evil.example/x? [1]
"""
    kept = [(one.kind, one.text) for one in read_packaging(reply, PIECES, ["Garden"])]
    assert kept == [
        ("title", "Climbing roses"),
        ("tagline", "Feed roses with potash in early spring"),
        ("summary", "Prune climbing roses in February."),
        ("tag", "roses"),
        ("question", "When are climbing roses pruned?"),
    ]
    assert [one.text for one in read_packaging("CATEGORY: garden [1]", PIECES, ["Garden"])] == ["garden"]
    assert read_packaging("QUESTION: a [1]\n" * 30, PIECES, [])[12:] == []
