"""What a question asks about, without the words that only make it a question, and the kind of answer it
wants. Rules of the two languages, not of any field of knowledge or data set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from operator import add

import msgspec

from search.languages import grammar, guess, plain
from search.passages.usage import written_for
from search.text import articles, fold, forms, numbers, runs

# Longest first, so that 多长时间 is not read as 多长. Each is blanked, keeping the length.
_ASKING = re.compile(
    "的?内容是什么|是?怎么规定的?|是?如何规定的?|有什么规定|规定了什么|是什么意思"
    "|请问一下|请问|我想知道|我想问|想知道|想问一下|想问|告诉我|有没有人知道|谁知道|麻烦问一下|咨询一下|是怎么回事|怎么回事"
    "|多长时间|多少时间|什么时候|什么时间|何时|多久|多长|多大|多高|多远|多重"
    "|(?:多少|几)(?:天|块|种|名|位|[个家座部](?!月|人))?"
    "|为什么|为何|什么样|什么|怎么样|怎么办|怎么|怎样|如何|咋办|咋样|咋|啥|哪一?个|哪一?年|哪一?种|哪些|哪里|哪儿|哪"
    "|谁|是否|能否|可否|有没有|是不是|能不能|可不可以|会不会|要不要|需不需要|可以吗|对吗|行吗|吗|呢|吧|嘛|啊"
    "|应该|应当|需要|可以|能够|一般|通常|到底|究竟|最长|最多|最少|最低|最高|最短|有哪些|分别|属于|是指"
    "|(?<![需重主必纪提摘紧])要(?![求件约素点闻塞害领挟])|会被"
    "|(?<![计预清结核运换估决演珠])算(?![法术盘数机])"
)
# The same of Japanese, Korean and Thai.
_ASKING_ELSEWHERE = re.compile(
    "(?:何|なん)(?:年|月|日|時|人|回|歳|個|本|枚|番|度|メートル|キロ)|何ですか|何でしょうか|とは(?:何|なに)?(?:ですか)?|どのような|どのように|どのくらい|どれくらい|どれほど"
    "|どうやって|どうして|どうすれば(?:いい|よい)?|どちら|どんな|どの|どこ|どれ|どう|いつ|いくつ|いくら|なぜ|だれ|誰|何|なに"
    "|でしょうか|ましたか|ますか|ですか|でしたか|ください|教えて|について|において|によって|として|である|された|されて|される|している|していた|しました|します|した|する|です|ます"
    "|무엇(?:입니까|인가요|인가|을|이)?|언제(?:입니까|인가요|인가)?|어디(?:에서|에|서|입니까|인가요|인가)?|누구(?:의|를|입니까|인가요|인가)?|누가|왜|어떻게"
    "|얼마나|얼마|몇|어느|어떤|무슨|입니까|인가요|인가|있나요|있습니까|하나요|합니까|되나요|됩니까|습니까|나요|까요"
    "|อะไร|เมื่อไหร่|เมื่อไร|เมื่อใด|ที่ไหน|ที่ใด|ใคร|ทำไม|เพราะเหตุใด|อย่างไร|ยังไง|เท่าไหร่|เท่าไร|เท่าใด|กี่|หรือไม่|หรือเปล่า|ไหม|ใด|คือ|ของ|ซึ่ง|และ|เป็น|ได้|ว่า|ถูก"
)
_ELSEWHERE = re.compile("[\u3040-\u30ff\uac00-\ud7a3\u0e00-\u0e7f]")
# In how a thing is done the verb says least: what is written may call the doing otherwise.
_MANNER = re.compile(
    "(?:怎么|怎样|如何|咋)(?:才能|才好|去|来)?([\u4e00-\u9fff]{1,2})(?=[^\u4e00-\u9fff]*(?:$|[?？。！]))"
    r"|\bhow (?:to|(?:do|does|did|can|could|should|would|must) (?:i|you|we|one|they)) ([a-z]+)"
    r"|\bhow (?:is|are|was|were|can|could|should|would|must) .{3,80}? be ([a-z]+)(?=\W*$)"
)
# Characters that carry grammar only; they still match inside bigrams.
_PARTICLES = frozenset(
    "的了是在和与及或之于以为被把对从到由就都也而且但等其有个所这那はがをにでとのもへやか은는이가을를의에도"
)

LONGEST = 600
LOOKED_UP = 4.0  # what the number of an article counts when candidates are drawn
MENDED = 0.8  # what a term counts of the word that a mistyped one is read as
WRITTEN = 0.5  # what a term counts that is only written for a word of the question
_NUMERAL = "[0-9零〇一二两三四五六七八九十百千万半]"
_TIME = rf"{_NUMERAL}+(?:个)?(?:多)?(?:年|月|周|星期|日|天|小时|工作日|分钟|秒|季度|世纪)"
_ANSWERS: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...] = tuple(
    (re.compile(asked), re.compile(given))
    for asked, given in (
        ("怎么判|判几年|判多[久少]|量刑|判刑|判什么|坐牢|什么罪|会判",
         "有期徒刑|无期徒刑|拘役|死刑|管制|罚金"),
        ("处罚|怎么罚|怎么处理|什么责任", "有期徒刑|拘役|罚款|拘留|无期徒刑|死刑|罚金|警告|吊销|处分"),
        ("几岁|多少岁|多大年[龄纪]|年龄|多大(?:的孩子|的小孩|可以|才能|能)", rf"{_NUMERAL}+(?:周)?岁"),
        ("几年|多少年|哪一?年", rf"{_NUMERAL}+(?:个)?年|终身|永久"),
        ("几个?月|多少个?月|几月", rf"{_NUMERAL}+个?月"),
        ("几天|几日|多少天|多少日|哪一?天", rf"{_NUMERAL}+个?(?:工作)?[日天]|{_NUMERAL}+个?月"),
        ("几(?:个)?小时|多少(?:个)?小时", rf"{_NUMERAL}+(?:个)?小时"),
        (
            "多久|多长时间|什么时候|何时|期限|有效期|时限|什么时间",
            _TIME + "|之日|终身|每[天日周月季年]|[春夏秋冬]",
        ),
        ("多少钱|多少元|罚多少|赔多少|金额|价格", rf"{_NUMERAL}+多?[万亿]?余?(?:元|美元|倍|%|英镑)|百分之"),
        ("几倍|多少倍", rf"{_NUMERAL}+倍|百分之"),
        ("比例|百分之几|几成", rf"百分之|{_NUMERAL}+(?:\.[0-9]+)?[%％]|{_NUMERAL}+分之"),
        ("几个?(?:股东|人|见证人)|多少(?:个|名)?人|几名|几位", rf"{_NUMERAL}+(?:个|人|名|位)"),
        ("税率|利率", r"百分之|[%％]|税率"),
        ("指什么|的定义|的含义", "是指|所称|本法称"),
        ("多少|几|多大|多高|多远|多重|多长", rf"{_NUMERAL}+|百分之"),
        (
            r"\bwhen\b|\b(?:what|which) (?:year|date|century|day|month|decade)\b",
            r"\b\d{3,4}s?\b|\bcentury\b|\b(?:january|february|march|april|may|june|july|august"
            r"|september|october|november|december|spring|summer|autumn|winter|morning|noon|evening|midnight"
            r"|before|after|during|until|daily|weekly|monthly|yearly|every)\b",
        ),
        (
            r"\bhow (?:many|much|long|old|far|tall|high|large|big|often|deep|wide|fast|heavy)\b"
            r"|\bwhat (?:percentage|percent|age|number|fraction|proportion)\b",
            r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty"
            r"|fifty|sixty|hundred|thousand|million|billion|half|third|quarter|once|twice|dozen|several"
            r"|every|daily|weekly|monthly|yearly|hourly|annually)\b",
        ),
    )
)  # fmt: skip
_MEASURED = re.compile("(?:几|多少)(平方公里|公里|平方米|公斤|[颗度米吨克块条章届本部篇支台辆艘架座种位名])")
_PENALTY_ASKED = re.compile(
    "(?:怎么|如何|怎样|什么|会受到?什么|受到?)(?:处罚|判刑|判|罚|处理|量刑)|会?判(?:几年|多久|多少年?|刑|什么刑)"
    "|罚多少钱?|(?:构成|是|犯)什么罪|会不会坐牢|会?坐牢吗"
)


# A question for a bound is answered by a sentence that sets one.
_BOUNDS = (
    (
        re.compile("最长|最多|最高|最大|上限|不能超过|不得超过|以内|多久"),
        re.compile("不得?超过|不得多于|最长|最多|最高|以[内下]"),
    ),
    (
        re.compile("最短|最少|最低|最小|下限|至少|不低于|不少于"),
        re.compile("不得?[低少]于|最低|最少|最短|至少|以上"),
    ),
)

Meant = tuple[tuple[str, str], ...]
"""Words of a question, each with the word of the texts that it is read as."""


# A question is hundreds of these: structs, which are made five times as fast as dataclasses.
class Term(msgspec.Struct, frozen=True, gc=False):
    """`text` as indexed; `word` tells terms of spaced scripts (counted as words) from n-grams (counted in
    the text); `share` of its weight is what it counts. `beside`: it is not what the question asks, but looked
    for as well, and not missed where it is not."""

    text: str
    word: bool
    share: float = 1.0
    beside: bool = False


class Unit(msgspec.Struct, frozen=True, gc=False):
    """A character of an unspaced script or a word: what coverage is counted in. `forms` are those
    that count as found whole (bigrams over the character; stem or raw form of a word), `weak` the form
    that counts in part (the lone character), `written` what is written for the word it belongs to, or the
    forms of the word that was meant where it is mistyped. `manner`: it only says how something is done, and
    is asked after."""

    forms: tuple[str, ...]
    weak: str | None
    written: tuple[str, ...] = ()
    manner: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A question analysed: its terms, its units in order, the patterns its answer should show (of a kind,
    and of a bound), the languages its words are stemmed in, whether it holds any spaced words, and both
    them and others, and the articles of a statute it names (`search.text.articles`). `meant` are the words
    taken for mistyped, each with the word it is read as."""

    folded: str
    core: str
    terms: tuple[Term, ...]
    units: tuple[Unit, ...]
    answer: re.Pattern[str] | None
    bound: re.Pattern[str] | None
    languages: tuple[str, ...]
    spaced: bool
    mixed: bool = False
    articles: tuple[str, ...] = ()
    meant: Meant = ()
    # Forms that show where in a sentence the thing asked about first stands, and whether each is a word.
    leads: tuple[tuple[str, bool], ...] = ()


def analyse(query: str, spoken: tuple[str, ...] = (), meant: Meant = ()) -> Question:
    """The first `LONGEST` code points of a question in indexed terms; words that only ask are left out
    unless nothing else is there. `spoken` are the languages of the texts it is put to; `meant`, words that
    none of them holds, each with the word of theirs that it is read as."""
    question = _analysed(query, (), ())
    if not question.spaced or (not meant and set(spoken) <= set(question.languages)):
        return question
    return _analysed(query, spoken, meant)


@lru_cache(maxsize=256)
def _analysed(query: str, spoken: tuple[str, ...], meant: Meant) -> Question:
    folded = fold(query[:LONGEST])
    unspaced = not folded.isascii()  # may hold what the rules of unspaced scripts are about
    named = list(articles(folded)) if unspaced else []
    core = folded
    for _, start, end in named:
        core = core[:start] + " " * (end - start) + core[end:]
    if unspaced:
        core = _PENALTY_ASKED.sub(_blank, core)
        core = (_ASKING_ELSEWHERE if _ELSEWHERE.search(core) else _ASKING).sub(_blank, core)
    language = guess(folded)
    core, said = _without_grammar(core, language or "en")
    if not any(map(str.isalnum, core)):
        core, said = folded, list(runs(folded))
    languages = tuple(sorted({language or "en", "en", *spoken}))
    manner = {
        i for match in _MANNER.finditer(folded) for i in range(match.start(match.lastindex or 0), match.end())
    }
    written: dict[int, tuple[str, ...]] = {}
    replaced: set[int] = set()
    for start, end, others, instead in written_for(core) if unspaced else ():
        written |= {i: (*written.get(i, ()), *others) for i in range(start, end)}
        if instead:
            replaced |= set(range(start, end))
    said_for = dict(meant)
    words: dict[str, None] = {}
    mistyped: dict[str, None] = {}
    mended: dict[str, None] = {}
    grams: dict[str, None] = {}
    units: list[Unit] = []
    for run, start, end, is_unspaced in said:
        if is_unspaced:
            bigrams = list(map(add, run, run[1:]))
            kept = [i not in replaced for i in range(start, end)]
            grams |= dict.fromkeys(compress(run, kept))
            grams |= dict.fromkeys(compress(bigrams, kept))
            for i, c in enumerate(run):
                if kept[i] and c not in _PARTICLES:
                    whole = tuple(bigrams[i - 1 if i else 0 : i + 1]) or (c,)
                    units.append(Unit(whole, c, written.get(start + i, ()), start + i in manner))
        else:
            found = forms(run, languages)
            read_as = forms(said_for[found[0]], languages) if found[0] in said_for else ()
            (mistyped if read_as else words).update(dict.fromkeys(found))
            mended |= dict.fromkeys(read_as)
            units.append(Unit(found, None, read_as, start in manner))
    if unspaced:
        words |= dict.fromkeys(digits for digits, _, _ in numbers(core))
    keys = tuple(dict.fromkeys(key for key, _, _ in named))
    terms = {text: Term(text, False) for text in grams} | {text: Term(text, True) for text in words}
    terms |= {text: Term(text, True, MENDED) for text in mended if text not in terms}
    terms |= {text: Term(text, True, MENDED, beside=True) for text in mistyped}  # a heading may hold it
    terms |= {key: Term(key, True, LOOKED_UP, beside=True) for key in keys}
    for word in dict.fromkeys(word for others in written.values() for word in others):
        for gram in (bigrams := list(map(add, word, word[1:]))):
            terms.setdefault(gram, Term(gram, False, WRITTEN * min(1.0, 2 / len(bigrams)), beside=True))
    answer = _answer(folded)
    bound = next((given for asked, given in _BOUNDS if asked.search(folded)), None) if unspaced else None
    spaced = any(unit.weak is None for unit in units)
    leads = dict.fromkeys((form, u.weak is None) for u in units for form in (*u.forms, *u.written))
    return Question(
        folded,
        core,
        tuple(terms.values()),
        tuple(units),
        answer,
        bound,
        languages,
        spaced,
        spaced and any(unit.weak for unit in units),
        keys,
        meant,
        tuple(leads),
    )


def _answer(folded: str) -> re.Pattern[str] | None:
    """What an answer shows: after 几 or 多少 with a measure (几颗, 多少公里), a number of that measure."""
    if measured := _MEASURED.search(folded):
        return re.compile(rf"(?:{_NUMERAL}|\.[0-9])+[多余]?{measured[1]}")
    return next((given for asked, given in _ANSWERS if asked.search(folded)), None)


def _without_grammar(core: str, language: str) -> tuple[str, list[tuple[str, int, int, bool]]]:
    """The text with the language's words of grammar blanked, and the runs that are left."""
    left_out = grammar(language)
    kept = []
    for found in runs(core):
        run, start, end, unspaced = found
        if not unspaced and plain(run) in left_out:
            core = core[:start] + " " * (end - start) + core[end:]
        else:
            kept.append(found)
    return core, kept


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])
