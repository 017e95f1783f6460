import re
from dataclasses import replace
from uuid import UUID

from search.engine.port import PassageHit
from search.passages.evidence import best_sentences, supported
from search.passages.question import analyse
from search.passages.ranking import Candidate, Statistics, rank, unit_weights
from search.text import fold, tokenise

ANSWER = "第十九条 劳动合同期限一年以上的，试用期不得超过二个月；三年以上的劳动合同，试用期不得超过六个月。"
STATUTE = ANSWER + "试用期包含在劳动合同期限内。"
OTHER = "第五条 烟草制品应当在包装上标明焦油含量级。"


def hit(text: str, *, query: str, title: str = "劳动合同法", start: int = 100) -> PassageHit:
    statistics = Statistics(1000, {term.text: 5 for term in analyse(query).terms})
    _, found = tokenise(fold(text), "en")
    words = f" {'  '.join(found)} "
    (ranked,) = rank(analyse(query), statistics, [Candidate(fold(text), words, title, "", title)])
    document = UUID(int=len(text))
    return PassageHit(
        UUID(int=1),
        document,
        document,
        title,
        {},
        start,
        start + len(text),
        text,
        ranked.score,
        ranked.matched,
        unit_weights(analyse(query), statistics),
        says=ranked.says,
    )


def test_words_that_only_ask_are_left_out() -> None:
    assert analyse("请问试用期最长多久？").core.strip(" ?") == "试用期"
    assert analyse("How do I bake the bread?").core.strip(" ?").split() == ["bake", "bread"]
    assert analyse("多少").units, "a question of nothing else keeps its words"


def test_the_kind_of_answer_is_read_from_the_question() -> None:
    for question, answer, no_answer in (
        ("试用期最长多久", "不得超过六个月", "应当订立书面合同"),
        ("离婚冷静期多少天", "三十日内", "自愿离婚"),
        ("盗窃怎么判", "处三年以下有期徒刑", "应当赔偿损失"),
        ("When was it built?", "It was built in 1889.", "It is tall."),
    ):
        pattern = analyse(question).answer
        assert isinstance(pattern, re.Pattern)
        assert pattern.search(answer.lower())
        assert not pattern.search(no_answer.lower())


def test_the_best_sentence_is_a_verbatim_span_that_answers() -> None:
    question = "劳动合同期限三年以上的试用期最长多久"
    hits = [hit(STATUTE, query=question), hit(OTHER, query=question, title="烟草专卖法")]
    best = best_sentences(question, hits, limit=2)[0]
    text = STATUTE[best.start - 100 : best.end - 100]
    assert text == ANSWER
    assert best.hit is hits[0]


def test_a_question_the_passages_cover_is_supported_and_a_foreign_one_is_not() -> None:
    assert supported("试用期不得超过多久", [hit(STATUTE, query="试用期不得超过多久")])
    assert not supported("怎样烤面包", [hit(STATUTE, query="怎样烤面包")])
    assert not supported("How do I bake bread?", [hit(STATUTE, query="How do I bake bread?")])
    assert not supported("？？", [hit(STATUTE, query="试用期")])
    assert not supported("试用期", [])


def test_a_sentence_that_says_the_whole_question_answers_it_though_the_kind_of_answer_is_not_known() -> None:
    watered = "薰衣草喜欢干燥的砂质土壤，每周浇水一次就够了。"
    assert supported("薰衣草多久浇水一次？", [hit(watered, query="薰衣草多久浇水一次？")])


def test_a_time_is_also_a_season_or_how_often() -> None:
    for question, text in (
        ("什么时候施肥", "施肥在春天进行。"),
        ("When should I feed the roses?", "Feed roses in early spring."),
        ("How often do you water lavender?", "Water lavender once a week."),
    ):
        assert supported(question, [hit(text, query=question)]), question


def test_of_two_editions_the_newer_comes_first() -> None:
    question = analyse("股东多久缴足出资")
    statistics = Statistics(1000, {term.text: 5 for term in question.terms})
    titles = ["公司法(2018-10-26)", "公司法(2023-12-29)"]
    old, new = rank(question, statistics, [Candidate("股东缴足出资。", "", t, "", t) for t in titles])
    assert new.score > old.score


def test_articles_are_named_in_either_numerals_and_found_by_them() -> None:
    assert analyse("民法典第一百八十八条").articles == analyse("民法典第188条").articles == ("§188",)
    assert analyse("刑法第133条之一").articles == ("§133.1",)
    assert analyse("条件是什么").articles == ()
    question = analyse("刑法第234条")
    statistics = Statistics(1000, {term.text: 5 for term in question.terms})
    titles = [("民法典", " §234 "), ("刑法", " §235 "), ("刑法", " §234 ")]
    ranked = rank(question, statistics, [Candidate("某条。", "", t, words, t) for t, words in titles])
    assert [found.looked_up for found in ranked] == [False, False, True]
    assert max(ranked, key=lambda found: found.score) is ranked[2]


def test_everyday_words_are_answered_by_the_written_ones() -> None:
    asked = "房东卖房子要通知租客吗"
    assert supported(asked, [hit("出租人出卖租赁房屋的，应当通知承租人。", query=asked)])
    units = {unit.weak: unit.written for unit in analyse("偷东西判几年").units}
    assert units == {"偷": ("盗窃",)}, "东西 is left out: in writing it means east and west"


def test_everyday_words_are_found_however_their_entries_begin() -> None:
    for asked, written in (
        ("雇主破产了", "用人单位"),
        ("房子想卖掉", "出卖"),
        ("被车撞了怎么赔", "赔偿"),
        ("打工者的权利", "劳动者"),
        ("他抄袭我", "剽窃"),
    ):
        assert any(written in unit.written for unit in analyse(asked).units), asked
    assert not any(unit.written for unit in analyse("拍卖").units)


def test_candidates_are_drawn_by_pairs_and_by_lone_characters_of_which_no_pair_is_held() -> None:
    question = analyse("租赁房")
    held = Statistics(1000, {"租": 9, "赁": 9, "房": 9, "租赁": 5})
    assert set(held.telling(question)) == {"租赁", "赁房", "房"}


def test_more_is_needed_of_a_passage_found_among_many() -> None:
    text, query = "电影院应当设置一部消防电话。", "推荐一部好看的电影院吧"
    found = replace(hit(text, query=query), says=1.2)
    assert supported(query, [replace(found, among=1000)])
    assert not supported(query, [replace(found, among=10**7)])


def test_the_rarer_what_is_said_the_sooner_it_answers() -> None:
    text, query = "The ferry to Herm leaves from the old harbour.", "Where does the boat to Herm leave?"
    found = hit(text, query=query)
    assert len(found.weights) == 3
    assert supported(query, [replace(found, says=1.6)])
    assert not supported(query, [replace(found, says=1.6, weights=(1.0, 1.0, 1.0))])
