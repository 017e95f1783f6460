import pytest

from service.web.wording import WORDS, Wording, preferred


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "zh"),
        ("", "zh"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("zh-TW,zh;q=0.9,en;q=0.8", "zh"),
        ("fr, en;q=0.3, zh;q=0.2", "en"),
        ("en;q=0.1, zh-Hant;q=0.9", "zh"),
        ("de", "zh"),
        ("en;q=0", "zh"),
        (";;q=,en;q=nonsense,,", "zh"),
        ("en;q=nan", "zh"),
    ],
)
def test_the_page_speaks_the_language_the_browser_likes_better(header: str | None, language: str) -> None:
    assert preferred(header) == language


def test_every_text_is_there_in_both_languages_with_the_same_values() -> None:
    from string import Formatter

    for name, (zh, en) in WORDS.items():
        assert zh
        assert en
        fields = [{field for _, field, _, _ in Formatter().parse(text) if field} for text in (zh, en)]
        assert fields[0] == fields[1], name


def test_words_take_values() -> None:
    zh, en = Wording("zh"), Wording("en")
    assert en("found", count=3) == "3 knowledge bases"
    assert zh("found", count=3) == "找到 3 个知识库"


def test_a_value_may_be_called_name() -> None:
    assert Wording("en")("creator_bases", name="Ada") == "Knowledge bases by Ada"
