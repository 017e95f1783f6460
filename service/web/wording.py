"""What the pages say, in Chinese and in English, and which of the two a browser would rather read."""

from typing import Literal

Language = Literal["zh", "en"]

WORDS: dict[str, tuple[str, str]] = {
    "site": ("知號 · 知识广场", "Zhihao · the knowledge square"),
    "brand": ("知號", "知號 Zhihao"),
    "tagline": (
        "可问、可查、字字有出处的知识库",
        "Knowledge bases to ask, with every word traced to its source",
    ),
    "search": ("搜索", "Search"),
    "search_hint": ("书名、主题、作者……", "Titles, subjects, creators…"),
    "found": ("找到 {count} 个知识库", "{count} knowledge bases"),
    "nothing": ("没有找到。换一个说法试试。", "Nothing found. Try other words."),
    "everything": ("全部", "All"),
    "more": ("下一页", "More"),
    "by": ("作者", "by"),
    "free": ("免费", "Free"),
    "free_only": ("免费阅读", "Free to read"),
    "documents": ("{paid} 篇付费文档 · {free} 篇免费", "{paid} paid documents · {free} free"),
    "free_questions": ("每月可免费提问 {count} 次", "{count} free questions a month"),
    "plans": ("订阅", "Subscribe"),
    "month": ("月", "month"),
    "year": ("年", "year"),
    "days": ("{count} 天通行证", "{count}-day pass"),
    "per": ("/ {unit}", "a {unit}"),
    "trial": ("前 {count} 天免费试用", "the first {count} days free"),
    "how": ("怎样订阅", "How to subscribe"),
    "how_text": (
        "登录知號的应用后选择方案，在托管的付款页完成付款，订阅即刻生效。程序可以这样开始：",
        "Sign in with an app of Zhihao, choose a plan and pay on the hosted page: it opens at once. "
        "A program begins like this:",
    ),
    "not_sold": ("暂无出售的方案。", "Nothing is sold here at the moment."),
    "sample_questions": ("可以这样问", "Questions to ask"),
    "free_documents": ("免费阅读", "Read for free"),
    "creator_bases": ("{name} 的知识库", "Knowledge bases by {name}"),
    "creator_none": ("还没有公开的知识库。", "Nothing is public yet."),
    "cited": ("引文", "The cited passage"),
    "to_cited": ("跳到引文", "Go to the cited passage"),
    "earlier": ("← 前文", "← Earlier"),
    "later": ("后文 →", "Later →"),
    "back": ("返回", "Back to"),
    "revision": ("修订版", "Revision"),
    "newer_revision": ("这是较早的文本。", "This is an earlier text."),
    "newer_revision_link": ("打开现行文本", "Open the present one"),
    "superseded_by": ("已被较新版本取代：", "Superseded by a newer edition:"),
    "supersedes": ("取代的旧版本：", "Supersedes:"),
    "follow": ("订阅更新", "Follow the changes"),
    "change_added": ("新增：{title}", "Added: {title}"),
    "change_changed": ("更新：{title}", "Changed: {title}"),
    "change_superseded": ("已被取代：{title}", "Superseded: {title}"),
    "missing": ("这里什么也没有", "There is nothing here"),
    "missing_text": (
        "链接可能已失效，或者知识库尚未公开。",
        "The link may be out of date, or the knowledge base is not public.",
    ),
    "closed": ("这篇文档需要订阅", "This document is for subscribers"),
    "closed_text": (
        "引文的出处在付费文档中。订阅后即可打开。",
        "What was cited stands in a paid document. A subscription opens it.",
    ),
    "unavailable": ("暂时无法显示", "Not available right now"),
    "unavailable_text": ("请稍后再试。", "Please try again in a moment."),
    "bad": ("请求无效", "That address is not valid"),
    "bad_text": ("请检查链接是否完整。", "Please check that the link is complete."),
    "paid": ("谢谢，付款已收到", "Thank you, your payment has arrived"),
    "paid_text": (
        "支付方确认后立即生效，通常只需一两秒。回到应用即可继续。",
        "It takes effect as soon as it is confirmed, usually within a second or two. Go back to your app.",
    ),
    "payment_waiting": ("付款处理中", "Payment on its way"),
    "payment_waiting_text": (
        "付款到账后即可使用，无需再次付款。",
        "What you bought is yours as soon as the payment arrives; there is no need to pay again.",
    ),
    "cancelled": ("没有付款", "Nothing was paid"),
    "cancelled_text": ("您可以随时重新开始。", "You can start again whenever you like."),
    "receipt": ("回答的收据", "Receipt of an answer"),
    "receipt_text": (
        "签名证明了何时、由哪些片段、以多少计费单位给出了这个回答；问题与回答只以加盐散列出现。",
        "It is signed proof of when an answer was given, from which spans, and for how many billed units. "
        "Question and answer appear as salted hashes only.",
    ),
    "receipt_time": ("时间", "Time"),
    "receipt_units": ("计费", "Billed"),
    "receipt_question": ("问题散列", "Question, hashed"),
    "receipt_answer": ("回答散列", "Answer, hashed"),
    "receipt_cited": ("引文散列", "Cited spans, hashed"),
    "receipt_key": ("签名密钥", "Signing key"),
    "receipt_signature": ("签名", "Signature"),
    "receipt_keys": ("公钥", "Public keys"),
    "unlisted": ("只有知道链接的人能看到本页", "Only people with the link see this page"),
    "ask_verify": ("确认邮箱地址", "Confirm your address"),
    "do_verify": ("确认", "Confirm"),
    "verified": ("邮箱地址已确认", "Your address is confirmed"),
    "verified_text": ("您可以关闭此页。", "You can close this page."),
    "ask_reset": ("重设密码", "Choose a new password"),
    "do_reset": ("保存", "Save"),
    "new_password": ("新密码", "New password"),
    "password_length": (
        "密码须有 {least} 至 {most} 个字符。",
        "A password has {least} to {most} characters.",
    ),
    "reset": ("密码已更改", "Your password is changed"),
    "reset_text": (
        "所有设备均已登出，请用新密码登录。",
        "You are signed out everywhere. Sign in with the new one.",
    ),
    "api": ("接口文档", "API"),
}


class Wording:
    """The words of one language: ``words("found", count=3)``."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._index = 0 if language == "zh" else 1

    def __call__(self, name: str, /, **values: object) -> str:
        text = WORDS[name][self._index]
        return text.format(**values) if values else text


def preferred(accept_language: str | None) -> Language:
    """The better liked of the two by ``Accept-Language`` (RFC 9110); Chinese where neither is named."""
    best: tuple[float, Language] = (0.0, "zh")
    for part in (accept_language or "")[:500].split(","):
        tag, _, parameter = part.strip().partition(";")
        primary = tag.strip().lower().partition("-")[0]
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        if primary == "zh" and weight > best[0]:
            best = (weight, "zh")
        elif primary == "en" and weight > best[0]:
            best = (weight, "en")
    return best[1]
