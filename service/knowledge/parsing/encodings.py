"""Which encoding a text is written in that does not say so.

The bytes of one encoding of East Asia are mostly bytes of the others too: what tells is how usual the
characters are that come out. Each script is a handful of groups, each with its share of a text; within a
group all characters count alike.
"""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import product
from math import log

SIMPLIFIED = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方"
    "多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情"
    "明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化老给"
    "世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活更别打女变四神总何电数安少报才结反受目太量"
    "再感建务做接必场件计管期市直资命金指统区保至形社便空决治"
)
TRADITIONAL = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方"
    "多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情"
    "明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化老給"
    "世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平系氣題活更別打女變四神總何電數安少報才結反受目太量"
    "再感建務做接必場件計管期市直資命金指統區保至形社便空決治"
)
HANGUL = (
    "이다는을가에의고하지도로한사서리기은를자나대어들아있시해라그인과제일수만정보스주여부상전게장원구동것되으니안비조면오적성용유소"
    "선공회중무내습세할우신없않마문계경관등거요입발실방"
)
HIRAGANA = "".join(map(chr, range(0x3041, 0x3094)))
KATAKANA = "".join(map(chr, range(0x30A1, 0x30FB))) + "ー"
MARKS = "，。、；：？！“”‘’（）《》〈〉「」『』【】—…・·　％～０１２３４５６７８９"
# German, French, Spanish, Portuguese; Italian, Catalan, Dutch; Danish and Norwegian, Swedish and Finnish.
ALPHABETS = ["äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúü", "áâãàçéêíóôõúü"]
ALPHABETS += ["àèéìíîòóù", "àçéèíïóòúü", "áéíóúëïöüè", "æøåéü", "åäöé"]
WESTERN = tuple(frozenset(letters + letters.upper()) for letters in ALPHABETS)
OWN_SHARE = 0.9
"""Of the letters of a language beyond ASCII; the others are of names from next door."""
WESTERN_MARKS = frozenset("«»„“”‚‘’–—…€°§ºª·•©®™\xa0´")
_OPENING = re.compile(r"(?<!\w)[¿¡](?=[\w¿¡])")
WESTERN_SHARE = 0.25
"""Of the letters of a text in Latin script, no more are beyond ASCII; of others, nearly all are."""
SCORED_CHARACTERS = 4000
ASCII = log(1 / 60)
UNUSUAL = log(0.02 / 20_000)
IMPLAUSIBLE = -10.5
"""The mean of a text of which every third character is unusual."""

Rows = tuple[str, int, int]
_SHARES: dict[str, tuple[float, tuple[tuple[float, str], ...], Rows, float]] = {
    # How likely it is before anything is read; groups; the common characters, by their rows, and their share.
    "gb18030": (log(0.8), ((0.5, SIMPLIFIED), (0.1, MARKS)), ("gb18030", 0xB0, 0xD7), 0.38),
    "big5hkscs": (log(0.15), ((0.5, TRADITIONAL), (0.1, MARKS)), ("big5hkscs", 0xA4, 0xC6), 0.38),
    "cp932": (
        log(0.03), ((0.45, HIRAGANA), (0.12, KATAKANA), (0.1, MARKS)), ("euc_jp", 0xB0, 0xCF), 0.31
    ),
    "euc_jp": (
        log(0.01), ((0.45, HIRAGANA), (0.12, KATAKANA), (0.1, MARKS)), ("euc_jp", 0xB0, 0xCF), 0.31
    ),
    "cp949": (log(0.01), ((0.5, HANGUL), (0.02, MARKS)), ("cp949", 0xB0, 0xC8), 0.46),
}  # fmt: skip


@cache
def _usual(encoding: str) -> dict[str, float]:
    """How likely each character is, as a logarithm."""
    _, groups, (rows, first, last), share = _SHARES[encoding]
    common = list(_rows(rows, first, last))
    known = dict.fromkeys(common, log(share / len(common)))
    for part, characters in groups:
        known |= dict.fromkeys(characters, log(part / len(characters)))
    return known


def _rows(encoding: str, first: int, last: int) -> Iterator[str]:
    lows = [*range(0x40, 0x7F), *range(0xA1, 0xFF)] if encoding == "big5hkscs" else range(0xA1, 0xFF)
    for pair in product(range(first, last + 1), lows):
        character = bytes(pair).decode(encoding, "ignore")
        if len(character) == 1:
            yield character


def east_asian(sample: bytes) -> list[str]:
    """The encodings that ``sample`` plausibly is of, the likeliest first. It may end within a character."""
    scored = []
    for encoding, (before, *_) in _SHARES.items():
        text = _decoded(sample, encoding)[:SCORED_CHARACTERS]
        usual = _usual(encoding)
        told = [usual.get(character, UNUSUAL) for character in text if not character.isascii()]
        if told and sum(told) / len(told) > IMPLAUSIBLE:
            scored.append((before + sum(told) + ASCII * (len(text) - len(told)), encoding))
    return [encoding for _, encoding in sorted(scored, reverse=True)]


def western(sample: bytes) -> list[str]:
    """``cp1252`` if its letters beyond ASCII are those of one language of western Europe, among others."""
    text = _decoded(sample, "cp1252")
    beyond = Counter(character for character in text if not character.isascii())
    letters = {character for character in beyond if character.isalpha()}
    count = sum(beyond[each] for each in letters)
    few = count <= max(1, WESTERN_SHARE * sum(map(str.isalpha, text)))
    own = max(sum(beyond[each] for each in letters & alphabet) for alphabet in WESTERN)
    # What opens a question in Spanish stands within words in what was written otherwise.
    marks = beyond.keys() - letters - set(_OPENING.findall(text))
    known = marks <= WESTERN_MARKS and frozenset().union(*WESTERN) >= letters
    return ["cp1252"] if beyond and few and known and own >= OWN_SHARE * count else []


def utf_16(sample: bytes) -> list[str]:
    """UTF-16 without a mark: of each two bytes always the same may be zero, and what comes out is text."""
    zeros = [sample[half::2].count(0) for half in (0, 1)]
    if all(zeros) or not any(zeros):
        return []
    encoding = "utf-16-le" if zeros[1] else "utf-16-be"
    text = _decoded(sample, encoding)
    return [encoding] if text and all(each.isprintable() or each.isspace() for each in text) else []


def _decoded(sample: bytes, encoding: str) -> str:
    """Without the character that a sample ends within; empty if the bytes are not of this encoding."""
    for end in range(len(sample), max(-1, len(sample) - 4), -1):
        try:
            return sample[:end].decode(encoding)
        except UnicodeDecodeError as error:
            if error.start < len(sample) - 4:
                return ""
    return ""
