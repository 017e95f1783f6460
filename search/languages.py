"""The languages of words: which stemmer each has, and its words of grammar.

Words of grammar tell a text's language, and a question is looked for without them. What is here is of
languages, never of a field of knowledge. A language that is missing is searched by its words as they
stand, and so are those without a stemmer."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from functools import lru_cache

STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek",
    "en": "english", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish",
    "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "nb": "norwegian", "ne": "nepali", "nl": "dutch",
    "nn": "norwegian", "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
}  # fmt: skip
UNSTEMMED = frozenset(("vi", "uk", "bg", "hr", "sk", "he"))
KNOWN = tuple(sorted({*STEMMERS, *UNSTEMMED}))

_GRAMMAR = {
    "en": "who whom whose what which when where why how many much long often is are was were be been being am"
    " do does did has have had having can could would should will may might must shall the a an of in on"
    " at to for from by with and or as that this these those it its there their they them he his him she"
    " her i me my we our us you your not if than then so s t about into please tell know also any some"
    " such",
    "de": "der die das den dem des ein eine einer eines einem einen und oder aber ist sind war waren wird"
    " werden wurde wurden worden sein hat haben hatte hatten kann können konnte muss müssen soll sollen"
    " darf nicht kein keine von vom mit für auf aus bei nach über unter durch um zu zum zur im in an am"
    " als auch sich es er sie wir ich man ihr ihre ihrer ihren seine seiner seinen seinem wer wen wem"
    " wessen was welche welcher welches welchem welchen wann wo woher wohin wie warum weshalb wieso wozu"
    " womit viel viele vielen lange oft bitte",
    "fr": "le la les l un une des du de d au aux et ou mais est sont était étaient été être fut ont a avait"
    " avoir peut peuvent doit doivent faut faire fait il elle ils elles on je tu nous vous ce cet cette"
    " ces se s ne n pas plus dans en sur sous par pour avec sans entre chez vers son sa ses leur leurs y"
    " que qu qui quoi dont où quand comment pourquoi combien quel quelle quels quelles lequel laquelle c"
    " j m t si comme aussi moi",
    "es": "el la los las lo un una unos unas de del a al y e o u pero es son era eran fue fueron ser sido"
    " está están estaba ha han había hay puede pueden debe deben se su sus le les me te nos no en con"
    " por para sin sobre entre desde hasta que quien quién quiénes qué cuál cuáles cuándo cuando cómo"
    " como dónde donde adónde cuánto cuánta cuántos cuántas este esta estos estas ese esa eso esto muy"
    " más también si",
    "it": "il lo la i gli le l un uno una di del dello della dei degli delle d a al allo alla ai agli alle da"
    " dal dalla dai in nel nello nella nei negli nelle con su sul sulla sui per tra fra e ed o ma è sono"
    " era erano fu furono essere stato stata stati ha hanno aveva avere può possono deve devono si non"
    " che chi cui cosa quale quali quando come dove perché quanto quanta quanti quante questo questa"
    " questi queste suo sua suoi loro ci",
    "pt": "o a os as um uma uns umas de do da dos das em no na nos nas por pelo pela pelos pelas para com sem"
    " sobre entre até e ou mas é são era eram foi foram ser sido está estão tem têm tinha há pode podem"
    " deve devem se seu sua seus suas não que quem qual quais quando como onde quanto quanta quantos"
    " quantas porque quê este esta isso isto esse essa ao à aos às mais também ele ela eles elas",
    "nl": "de het een en of maar is zijn was waren wordt worden werd werden geworden heeft hebben had hadden"
    " kan kunnen kon moet moeten mag van in op aan met voor door bij naar uit over om te tot als er dat"
    " die dit deze niet geen ook zich hij zij ze wij we ik je u hun haar wie wat welke welk wanneer waar"
    " hoe waarom hoeveel veel lang vaak",
    "sv": "en ett den det de och eller men är var vara varit blir blev har hade kan kunde ska skall måste får"
    " av på i för med till från om som att inte sig sin sitt sina han hon vi jag du ni vem vad vilken"
    " vilket vilka när hur varför många mycket länge ofta där denna detta dessa under vid efter",
    "da": "en et den det de og eller men er var være været bliver blev har havde kan kunne skal må af på i"
    " for med til fra om som at ikke sig sin sit sine han hun vi jeg du hvem hvad hvilken hvilket hvilke"
    " hvornår hvor hvordan hvorfor mange meget længe ofte der denne dette disse under ved efter",
    "no": "en et ei den det de og eller men er var være vært blir ble har hadde kan kunne skal må av på i for"
    " med til fra om som at ikke seg sin sitt sine han hun vi jeg du hvem hva hvilken hvilket hvilke når"
    " hvor hvordan hvorfor mange mye lenge ofte der denne dette disse under ved etter",
    "fi": "ja tai mutta on ovat oli olivat olla ollut ei että joka jotka jonka mikä mitä mitkä missä mistä"
    " mihin milloin kuka ketkä kenen miten miksi kuinka monta paljon kauan se sen ne niiden hän hänen he"
    " tämä tämän kun kuin myös voi voidaan pitää kanssa",
    "pl": "i oraz lub albo ale jest są był była było były być zostać został została ma mają może mogą można"
    " należy nie się w we na do z ze za od o u po przy przez dla pod nad to ten ta te tego tej jego jej"
    " ich kto kogo komu co czego jaki jaka jakie jaką jakim który która które którym której kiedy gdzie"
    " skąd dokąd jak dlaczego ile czy czym",
    "cs": "a i nebo ale je jsou byl byla bylo byly být má mají může mohou lze musí ne se si v ve na do z ze"
    " za od o u po při pro pod nad to ten ta te toho jeho její jejich kdo koho komu co čeho jaký jaká"
    " jaké který která které kterým kdy kde kam odkud jak proč kolik zda čím s k",
    "hu": "a az egy és vagy de van vannak volt voltak lesz lehet kell nem hogy ki kik kit mi mit mik miért"
    " mikor hol honnan hová hogyan hány mennyi melyik milyen ez ezt ezek azok is meg el fel ő ők",
    "ro": "un o unei unui și sau dar este sunt era erau fost fi a au avea poate pot trebuie nu se în din de"
    " la cu pe pentru prin între al ale ai care ce cine cui cât câtă câți câte când cum unde lui lor sa"
    " său sale acest această acestea",
    "tr": "ve veya ya da ama bir bu şu o ne nedir kim kimin kime zaman nerede nereye nereden nasıl niçin"
    " neden kaç hangi hangisi mi mı mu mü midir için ile gibi kadar daha çok en olarak olan oldu olur"
    " edilir değil var yok de ki",
    "id": "yang dan atau tetapi adalah ialah itu ini di ke dari pada untuk dengan oleh dalam tidak akan telah"
    " sudah dapat bisa harus apa apakah siapa kapan dimana mana kemana bagaimana mengapa kenapa berapa"
    " saja para ada sebagai",
    "vi": "là và hoặc của có được bị không những các một cái này đó khi nào ai gì đâu sao tại vì bao nhiêu"
    " lâu như thế với cho từ trong ngoài trên dưới ở về đến đã đang sẽ thì mà nên phải làm bởi người ta",
    "ca": "el la els les un una de del dels a al als i o però és són era eren va ser estat ha han hi pot"
    " poden cal en amb per sense que qui què quin quina quins quines quan com on quant quants no es seu"
    " seva",
    "ru": "и или но а в во на с со к ко о об от до из за по у при для под над через между не ни это этот эта"
    " эти того тот та те как какой какая какое какие каком какую кто кого кому кем что чего чему чем"
    " когда где куда откуда почему зачем сколько чей был была было были быть есть является являются он"
    " она оно они его её ее их ли бы же можно нужно который которая которые которого долго часто",
    "uk": "і й та або але а в у на з із зі до від о об по при для під над через між не ні це цей ця ці того"
    " той як який яка яке які кому хто кого ким що чого чим коли де куди звідки чому навіщо скільки чий"
    " був була було були бути є він вона воно вони його її їх чи б же можна треба",
    "bg": "и или но а в във на с със към от до из за по при под над не е са беше бяха бъде да се си той тя то"
    " те какъв каква какво какви кой коя кое кои кого кога къде откъде защо как колко чий",
    "el": "ο η το οι τα του της των τον την τους τις ένας μια ένα και ή αλλά είναι ήταν έχει έχουν είχε"
    " μπορεί πρέπει να θα δεν μη σε στο στη στην στον στα στις από με για προς που ποιος ποια ποιο ποιοι"
    " ποιες τι πότε πού πως πώς γιατί πόσο πόσοι πόσες πόσα αυτός αυτή αυτό",
    "ar": "في من إلى على عن مع هذا هذه ذلك تلك التي الذي الذين هو هي هم كان كانت يكون هل ما ماذا متى أين كيف"
    " لماذا لما كم أي أية و أو ثم قد لا لم لن إن أن بين عند بعد قبل كل غير يمكن يجب",
    "fa": "و یا در به از با که این آن را است هست بود شد شده می برای تا چه چیست کیست چرا چگونه چطور کجا کی چند"
    " چقدر کدام آیا های ها یک",
    "he": "של על את עם הוא היא הם זה זאת לא כן או גם כי אם מה מי מתי איפה היכן איך כיצד למה מדוע כמה איזה"
    " איזו היה היתה היו להיות יש אין",
    "hi": "का के की को में से पर है हैं था थे थी और या यह वह ये वे इस उस एक कि जो तक ने भी हो होता होती होते"
    " गया गई गए किया करना कर सकते सकता क्या कब कहाँ कहां कौन किस किसे किसने किसका किसकी कैसे क्यों कितना"
    " कितने कितनी नहीं लिए साथ",
}  # fmt: skip
_SCRIPTS = {
    "ru": re.compile("[\u0400-\u04ff]"),
    "el": re.compile("[\u0370-\u03ff]"),
    "ar": re.compile("[\u0600-\u06ff]"),
    "hi": re.compile("[\u0900-\u097f]"),
    "he": re.compile("[\u0590-\u05ff]"),
    "hy": re.compile("[\u0530-\u058f]"),
    "ta": re.compile("[\u0b80-\u0bff]"),
}
_ANY_SCRIPT = re.compile("|".join(script.pattern for script in _SCRIPTS.values()))
_WORDS = re.compile(r"(?:[^\W\d_]|[\u0300-\u036f\u0900-\u0dff])+")
SAMPLE = 4000


@lru_cache(maxsize=200_000)
def plain(word: str) -> str:
    """The word without its accents."""
    if word.isascii():
        return word
    return "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c)) or word


def grammar(language: str) -> frozenset[str]:
    """The language's words of grammar, without accents; none of a language that is not known."""
    return _PLAIN.get(language, frozenset())


_PLAIN = {language: frozenset(map(plain, words.split())) for language, words in _GRAMMAR.items()}
_LANGUAGES_OF: dict[str, list[tuple[str, float]]] = {}
for _language, _words in _GRAMMAR.items():
    for _word in dict.fromkeys(_words.split()):
        for _form, _worth in ((_word, 1.0), (plain(_word), 0.6)):
            if (_language, _worth) not in (kept := _LANGUAGES_OF.setdefault(_form, [])) and all(
                known != _language for known, _ in kept
            ):
                kept.append((_language, _worth))


def tagged(tag: str) -> str | None:
    """The language of a BCP 47 tag, where something is known of it."""
    base = tag.lower().replace("_", "-").split("-")[0]
    return base if base in KNOWN else None


def guess(text: str) -> str | None:
    """The language of a folded text's words, by its words of grammar and its script, or None."""
    sample = text[:SAMPLE]
    counts: defaultdict[str, float] = defaultdict(float)
    for word in _WORDS.findall(sample):
        for language, worth in _LANGUAGES_OF.get(word, ()):
            # A word that many languages have tells little of which it is.
            counts[language] += worth / len(_LANGUAGES_OF[word])
    if counts:
        return max(counts, key=lambda language: (counts[language], language == "en", language))
    if not _ANY_SCRIPT.search(sample):
        return None
    for language, script in _SCRIPTS.items():
        if len(script.findall(sample)) * 3 > len(sample):
            return language
    return None
