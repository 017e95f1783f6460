"""The few sentences the service itself says in an answer, in the language of the question."""

import re
from typing import Literal

from search.text import fold

Language = Literal["en", "zh-Hans", "zh-Hant", "ja", "ko"]

REFUSALS: dict[Language, str] = {
    "en": "Sorry, I found nothing in this knowledge that answers your question.",
    "zh-Hans": "抱歉，在这里的资料中没有找到能回答这个问题的内容。",
    "zh-Hant": "抱歉，在這裡的資料中沒有找到能回答這個問題的內容。",
    "ja": "申し訳ありませんが、この資料の中にご質問の答えは見つかりませんでした。",
    "ko": "죄송하지만 이 자료에서 질문에 대한 답을 찾지 못했습니다.",
}

EXTRACTS: dict[Language, str] = {
    "en": "Extract from the sources, word for word:",
    "zh-Hans": "以下为资料原文摘录：",
    "zh-Hant": "以下為資料原文摘錄：",
    "ja": "以下は資料からの原文の抜粋です：",
    "ko": "다음은 자료의 원문 발췌입니다:",
}

_KANA = re.compile("[\u3040-\u30ff]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_HAN = re.compile("[\u3400-\u9fff]")


def language_of(question: str) -> Language:
    """Told by script, simplified from traditional by whether folding changes a character; else English."""
    if _KANA.search(question):
        return "ja"
    if _HANGUL.search(question):
        return "ko"
    han = _HAN.findall(question)
    if not han:
        return "en"
    return "zh-Hans" if fold("".join(han)) == "".join(han) else "zh-Hant"
