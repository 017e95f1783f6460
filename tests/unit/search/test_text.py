from hypothesis import given
from hypothesis import strategies as st

from search.text import fold, language_of, numbers, split_sentences, stem, tokens

TEXT = st.text(
    alphabet=st.one_of(st.sampled_from("中華民國臺灣發髮 ＡＢｃ１２①½ﬁİßΣé。！？\n\tabc.,"), st.characters())
)


@given(TEXT)
def test_folding_never_moves_an_offset(text: str) -> None:
    assert len(fold(text)) == len(text)


@given(TEXT)
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_traditional_and_full_width_meet_simplified_and_half_width() -> None:
    assert fold("勞動合同ＡＢＣ１２３") == fold("劳动合同abc123") == "劳动合同abc123"
    assert tokens("離婚冷靜期") == tokens("离婚冷静期")


def test_unspaced_scripts_give_characters_and_bigrams() -> None:
    assert tokens("试用期") == ["试", "用", "期", "试用", "用期"]


def test_words_give_themselves_and_their_stem() -> None:
    assert tokens("Running cafés", "en") == ["running", "~run", "cafes", "~cafe"]
    assert stem("häuser", "de") == stem("haus", "de") == "haus"


def test_irregular_forms_stem_to_their_word_in_english_alone() -> None:
    assert {stem(form, "en") for form in ("begin", "begins", "beginning", "began", "begun")} == {"begin"}
    assert stem("women", "en") == stem("woman", "en")
    assert stem("founded", "en") != stem("found", "en"), "what was founded was not found"
    assert stem("man", "de") == "man" != stem("men", "de")


def test_chinese_numerals_meet_digits() -> None:
    assert "1077" in tokens("第一千零七十七条")
    assert [digits for digits, _, _ in numbers("三年以上，一般二十万元，二〇二四年")] == [
        "3",
        "200000",
        "2024",
    ]
    assert "1" not in tokens("一般规定")


def test_the_language_is_that_of_the_tag_else_guessed() -> None:
    assert language_of("whatever", "fr-CA") == "fr"
    assert language_of("Der Hund ist nicht mit dem Ball auf der Wiese") == "de"
    assert language_of("Это совсем другой язык") == "ru"
    assert language_of("короткий", "zh") == "ru"
    assert language_of("The dog is in the garden") == "en"


@given(TEXT)
def test_only_white_space_lies_between_sentences(text: str) -> None:
    position = 0
    for start, end in split_sentences(text):
        assert position <= start < end
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip()
        position = end
    assert not text[position:].strip()


def test_sentences_end_where_a_reader_pauses() -> None:
    def sentences(text: str) -> list[str]:
        return [text[start:end] for start, end in split_sentences(text)]

    assert sentences("他说：“好。”走了！\n第二行") == ["他说：“好。”", "走了！", "第二行"]
    assert sentences("Mr. Smith paid 3.50 dollars. He left.") == ["Mr. Smith paid 3.50 dollars.", "He left."]
