from search.passages.question import analyse
from search.passages.ranking import Statistics, unit_weights
from search.passages.sentences import score_sentences
from search.text import fold

PASSAGES = [
    ("第十九条 试用期不得超过六个月：\n（一）三年以上的；\n（二）无固定期限的。", "劳动合同法"),
    ("The trial period of a labour contract is six months. It is part of the contract.", "Contracts"),
    ("", ""),
    ("出租人应当通知承租人。劳动合同的试用期为二个月。", "试用期"),
    ("  ", "试"),
]


def test_passages_read_together_are_scored_as_each_alone() -> None:
    passages = [(fold(text), fold(heading)) for text, heading in PASSAGES]
    for query in ("试用期最长几个月", "How long is the trial period of a contract?", "房东的trial期限"):
        question = analyse(query)
        statistics = Statistics(1000, {term.text: 5 for term in question.terms})
        weights = unit_weights(question, statistics)
        together = score_sentences(question, weights, passages)
        assert together == [score_sentences(question, weights, [passage])[0] for passage in passages]
        assert any(sentences for _, sentences in together)


def test_offsets_are_those_of_the_passage_itself() -> None:
    question = analyse("试用期最长几个月")
    passages = [(fold(text), fold(heading)) for text, heading in PASSAGES]
    scored = score_sentences(question, [1.0] * len(question.units), passages)
    _, sentences = scored[3]
    assert [PASSAGES[3][0][one.start : one.end] for one in sentences] == [
        "出租人应当通知承租人。",
        "劳动合同的试用期为二个月。",
    ]
    assert sentences[1].score > sentences[0].score
