"""The text sets beside the project, and what the product makes of them: what the bench measures and a test
holds a sample of."""

from __future__ import annotations

import hashlib
import json
import random
import re
import tarfile
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from uuid import UUID

from search.engine.embedded import EmbeddedPassageEngine
from search.engine.port import IndexDocument, PassageHit
from search.passages.cutting import Block, cut
from search.passages.evidence import best_sentences, supported
from search.passages.naming import dated
from search.passages.scope import AccessScope, IndexView
from search.text import articles
from service.answering.drafting import Citation, Draft, extract
from service.answering.phrases import language_of
from service.knowledge.parsing import formats
from service.knowledge.parsing.limits import ParseLimits
from service.platform.areas.answering import AnsweringSettings

ANSWERING = AnsweringSettings()
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SETS = {"cmrc": "cmrc2018_dev.json", "xquad_en": "xquad.en.json", "xquad_zh": "xquad.zh.json"}
BASES = {"laws": UUID(int=1), "cmrc": UUID(int=2), "xquad_en": UUID(int=3), "xquad_zh": UUID(int=4)}
BASES |= {"first half": UUID(int=5), "second half": UUID(int=6)}

# The four that must be right: (question, part of the title, article).
LAW_QUESTIONS = (
    ("劳动合同期限三年以上的试用期最长多久", "劳动合同法", "第十九条"),
    ("普通诉讼时效是几年", "总则", "第一百八十八条"),
    ("离婚冷静期多少天", "婚姻家庭编", "第一千零七十七条"),
    ("故意伤害他人身体怎么处罚", "刑法", "第二百三十四条"),
)
# Asked of CMRC, which holds no law, to be refused. The text sets have no questions about law.
ASKED_OF_THE_LAWS = (
    "酒驾怎么处罚",
    "公司注册资本多久缴足",
    "试用期工资最低多少",
    "年满多少岁可以结婚",
    "经济补偿怎么计算",
    "盗窃罪怎么判",
    "正当防卫要负刑事责任吗",
    "抢劫判几年",
    "食品不合格赔偿几倍",
    "发明专利保护期多少年",
    "注册商标有效期几年",
    "法定节假日加班工资几倍",
    "产假多少天",
    "年休假多少天",
    "民事判决上诉期限几天",
    "高空抛物谁负责",
    "定金最多不能超过合同金额的多少",
    "租赁合同最长多少年",
    "身份证有效期多久",
    "申请行政复议的期限",
    "工伤认定申请期限多久",
    "交通肇事逃逸怎么判",
    "借款没有约定利息怎么算",
    "满几岁承担刑事责任",
    "打印遗嘱需要几个见证人",
    "公司不签书面劳动合同要赔几倍工资",
    "怎么立遗嘱",
    "醉酒驾驶机动车判多久",
    "股东会多久开一次",
    "网购可以七天无理由退货吗",
)


# Asked of the laws, to be refused. One a line.
OFF_TOPIC = """
怎样烤面包
面包怎么烤
今天天气怎么样
推荐一部好看的电影
怎么学好英语
珠穆朗玛峰有多高
北京到上海坐高铁要多久
手机没电了怎么办
李白是哪个朝代的诗人
红烧肉怎么做
How do I bake bread?
How tall is Mount Everest?
世界杯几年举办一次
太阳系有几颗行星
猫一天睡几个小时
感冒了吃什么药
如何减肥最快
Python怎么读取文件
秦始皇哪年统一六国
水的沸点是多少度
长江全长多少公里
吉他入门先学什么
咖啡因含量最高的茶是什么
怎样种番茄
电脑蓝屏怎么修
光速是多少
谁写了红楼梦
家里的绿萝多久浇一次水
人体有多少块骨头
跑马拉松要训练多久
""".strip().splitlines()
HALVES = ("development", "held out")


@dataclass(frozen=True)
class Asked:
    question: str
    document_id: UUID
    answers: tuple[str, ...]


@dataclass(frozen=True)
class LawQuestion:
    """A question in ordinary words and the article that answers it; `title` without a date, of which the
    newest edition is meant; `article` as in `search.text.articles`; `phrase` stands in the article."""

    question: str
    title: str
    article: str
    phrase: str

    @property
    def half(self) -> str:
        """Failures are looked at in the development half alone; the other tells how new questions fare."""
        return HALVES[hashlib.sha256(self.question.encode()).digest()[0] % 2]

    def is_answered_by(self, hit: PassageHit, newest: dict[str, str]) -> bool:
        keys = {key for key, _, _ in articles(str(hit.locator.get("article", "")))}
        return hit.title == newest[self.title] and self.article in keys


def law_questions() -> list[LawQuestion]:
    """Ours, from `law_questions.tsv`; written before the weights they are measured with."""
    lines = (Path(__file__).parent / "law_questions.tsv").read_text().splitlines()
    split = (line.split("\t") for line in lines)
    return [LawQuestion(q, title, "§" + re.sub("-", ".", article), p) for q, title, article, p in split]


def questions_of(name: str) -> tuple[list[IndexDocument], list[Asked]]:
    """Each paragraph a document of its own, and the questions asked of it."""
    documents: list[IndexDocument] = []
    asked: list[Asked] = []
    articles = json.loads((DATA / SETS[name]).read_bytes())["data"]
    paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
    for number, paragraph in enumerate(paragraphs):
        text, document_id = paragraph["context"], UUID(int=BASES[name].int * 10**6 + number)
        passages = cut(text, [Block(0, len(text), "paragraph", {})])
        language = "en" if name.endswith("en") else "zh"
        documents.append(
            IndexDocument(document_id, document_id, BASES[name], f"{number}", "paid", language, passages)
        )
        asked += (
            Asked(q["question"], document_id, tuple(a["text"] for a in q["answers"]))
            for q in paragraph["qas"]
        )
    return documents, asked


def laws(titles: Collection[str] = ()) -> Iterator[IndexDocument]:
    """Every statute, regulation and case, or those of these titles (without their dates) alone, read as an
    import reads them."""
    with tarfile.open(DATA / "laws.tar.xz") as archive:
        for number, member in enumerate(archive):
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and member.name.endswith(".md"):
                if titles and dated(PurePosixPath(member.name).stem)[0] not in titles:
                    continue
                parsed = formats.parse(member.name, file.read(), limits=ParseLimits(characters=10_000_000))
                title, document_id = PurePosixPath(member.name).stem, UUID(int=number + 1)
                passages = cut(parsed.text, parsed.blocks)
                yield IndexDocument(document_id, document_id, BASES["laws"], title, "paid", "zh", passages)


def mistype(question: str, chance: random.Random) -> str | None:
    """The question with a letter missing, added, changed or swapped in one of its words of five letters or
    more, not the first; None where there is none."""
    words = list(re.finditer("[A-Za-z]{5,}", question))
    if not words:
        return None
    found = chance.choice(words)
    at = chance.randrange(found.start() + 1, found.end() - 1)
    other = chance.choice("abcdefghijklmnopqrstuvwxyz")
    changed = ("", other + question[at], other, question[at + 1] + question[at])
    kind = chance.randrange(len(changed))
    return question[:at] + changed[kind] + question[at + 1 + (kind == 3) :]


class Bench:
    """An engine in a folder of its own, holding all sets."""

    def __init__(self, root: Path, every: int) -> None:
        self.engine = EmbeddedPassageEngine(root)
        self.asked: dict[str, list[Asked]] = {}
        self.newest: dict[str, str] = {}
        self._every = every

    async def index(self, names: Sequence[str], *, titles: Collection[str] = ()) -> float:
        """Seconds to index the laws, or those of these titles (without their dates) alone."""
        for name in names:
            documents, asked = questions_of(name)
            self.asked[name] = asked[:: self._every]
            await self.engine.rebuild(BASES[name], documents)
        started = time.perf_counter()
        await self.engine.rebuild(BASES["laws"], self._read(titles))
        return time.perf_counter() - started

    def _read(self, titles: Collection[str]) -> Iterator[IndexDocument]:
        for owner in laws(titles):
            name = dated(owner.title)[0]
            self.newest[name] = max(self.newest.get(name, ""), owner.title)
            yield owner

    async def hits(self, name: str, question: str, limit: int = 10) -> list[PassageHit]:
        return await self.engine.search(AccessScope((IndexView(BASES[name], "all"),)), question, limit=limit)

    async def retrieval(self, name: str) -> dict[str, float]:
        first = reciprocal = 0.0
        started = time.process_time()
        for asked in self.asked[name]:
            hits = await self.hits(name, asked.question, 40)
            order = list(dict.fromkeys(hit.document_id for hit in hits))[:10]
            if asked.document_id in order:
                rank = order.index(asked.document_id) + 1
                first, reciprocal = first + (rank == 1), reciprocal + 1 / rank
        count = len(self.asked[name])
        milliseconds = (time.process_time() - started) / count * 1000
        return {"recall_at_1": first / count, "mrr_at_10": reciprocal / count, "cpu_ms": milliseconds}

    async def answer(self, name: str, question: str) -> list[Citation]:
        """What an extract cites, made as an answer is: the passages of one, its refusal, its sentences."""
        draft = Draft()
        hits = await self.hits(name, question, ANSWERING.answer_passages)
        limit = ANSWERING.extract_max_sentences
        for _ in extract(draft, question, hits, language=language_of(question), limit=limit):
            pass
        return draft.citations

    async def extracts(self, name: str) -> float:
        """The share of the questions whose gold answer is in a quote of the extract; a refusal has none."""
        contained = 0
        for asked in self.asked[name]:
            quotes = [citation.quote for citation in await self.answer(name, asked.question)]
            contained += any(answer in quote for answer in asked.answers for quote in quotes)
        return contained / len(self.asked[name])

    async def answered(self, name: str, questions: Sequence[str]) -> float:
        """The share of the questions that are answered and not refused."""
        return sum([bool(await self.answer(name, q)) for q in questions]) / len(questions)

    async def refused_by_the_other_half(self, name: str) -> float:
        """The share of a set's questions that are refused by the half of its paragraphs without their own: as
        like them as texts can be that do not answer."""
        documents, _ = questions_of(name)
        middle = len(documents) // 2
        halves = {"first half": documents[:middle], "second half": documents[middle:]}
        foreign: dict[str, list[str]] = {}
        for half, held in halves.items():
            await self.engine.rebuild(BASES[half], [replace(d, knowledge_base_id=BASES[half]) for d in held])
            own = {document.document_id for document in held}
            foreign[half] = [a.question for a in self.asked[name] if a.document_id not in own]
        answered = [await self.answered(half, asked) * len(asked) for half, asked in foreign.items()]
        return 1 - sum(answered) / len(self.asked[name])

    async def mistyped(self, name: str) -> dict[str, float]:
        """Of the questions with one error in one of their words: the share that find their paragraph first,
        and that are answered."""
        chance = random.Random(7)
        first = answered = count = 0
        for asked in self.asked[name]:
            if (question := mistype(asked.question, chance)) is None:
                continue
            count += 1
            hits = await self.hits(name, question)
            first += bool(hits) and hits[0].document_id == asked.document_id
            answered += supported(question, hits)
        return {"first": first / count, "answered": answered / count}

    async def law_articles(self, questions: Sequence[LawQuestion]) -> dict[str, float]:
        """The share whose article is the first passage; that are answered with it among three sentences."""
        first = cited = 0
        for asked in questions:
            hits = await self.hits("laws", asked.question)
            first += bool(hits) and asked.is_answered_by(hits[0], self.newest)
            best = best_sentences(asked.question, hits, limit=3) if supported(asked.question, hits) else []
            cited += any(asked.is_answered_by(evidence.hit, self.newest) for evidence in best)
        return {"first": first / len(questions), "cited": cited / len(questions)}

    async def law_ranks(self) -> dict[str, bool]:
        """Whether each of the four is the first passage, and answered."""
        right = {}
        for question, title, article in LAW_QUESTIONS:
            hits = await self.hits("laws", question)
            found = title in hits[0].title and hits[0].locator.get("article") == article
            best = best_sentences(question, hits, limit=3)
            right[question] = found and supported(question, hits) and any(e.hit is hits[0] for e in best)
        return right
