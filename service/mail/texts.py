"""What the letters say, in Chinese and in English.

A line names its facts in braces; a line that misses one is left out. Beside the plain facts a line may name
``money``, ``old_money``, ``tax_money`` and ``cap_money`` (from ``amount``, ``old_amount``, ``tax`` and
``cap``, with ``currency``), and the day of a moment as ``<name>_day``.
"""

from dataclasses import dataclass

from service.mail.letters import Letter

Line = tuple[str, str]


@dataclass(frozen=True)
class Text:
    """``secret``: its facts open a door, and are forgotten when it is sent."""

    subject: Line
    lines: tuple[Line, ...]
    secret: bool = False


_MANAGE: Line = ("管理：{url}", "Manage it here: {url}")

TEXTS: dict[Letter, Text] = {
    "receipt": Text(
        ("收据：{title}", "Receipt: {title}"),
        (
            ("我们已收到您的付款，谢谢。", "We have received your payment. Thank you."),
            ("内容：{title}", "For: {title}"),
            ("创作者：{creator}", "Creator: {creator}"),
            ("金额：{money}", "Amount: {money}"),
            ("其中税款：{tax_money}", "Tax in it: {tax_money}"),
            ("付款日期：{paid_at_day}", "Paid on: {paid_at_day}"),
            (
                "期间：{period_start_day} 至 {period_end_day}",
                "From {period_start_day} to {period_end_day}",
            ),
            ("编号：{number}", "Number: {number}"),
            _MANAGE,
        ),
    ),
    "payment_failed": Text(
        ("付款失败：{title}", "Payment failed: {title}"),
        (
            (
                "「{title}」的续订付款没有成功。",
                "The payment for “{title}” did not go through.",
            ),
            ("金额：{money}", "Amount: {money}"),
            ("您的访问权限保留至 {until_day}。", "You keep your access until {until_day}."),
            ("请更新付款方式：{url}", "Please update how you pay: {url}"),
        ),
    ),
    "renewal_notice": Text(
        ("即将续订：{title}", "Renews soon: {title}"),
        (
            (
                "您对「{title}」的订阅将于 {at_day} 续订。",
                "You renew “{title}” on {at_day}.",
            ),
            ("届时将扣款 {money}。", "You will then be charged {money}."),
            ("如不想续订，请在此之前取消。", "To stop it, cancel before then."),
            _MANAGE,
        ),
    ),
    "price_change": Text(
        ("价格变动：{title}", "A new price: {title}"),
        (
            ("「{title}」的价格将有变动。", "The price of your subscription to “{title}” is changing."),
            ("现价：{old_money}；新价：{money}", "Now: {old_money}. Then: {money}."),
            ("{not_before_day} 之后的续订适用新价。", "It applies to renewals after {not_before_day}."),
            ("如不同意，请在此之前取消订阅。", "If you do not agree, cancel before then."),
            _MANAGE,
        ),
    ),
    "payout_sent": Text(
        ("收益已汇出：{money}", "Your earnings are on their way: {money}"),
        (
            ("我们已向您的账户汇出 {money}。", "We have sent {money} to your account."),
            ("汇出笔数：{payouts}", "In payouts: {payouts}"),
            ("日期：{paid_at_day}", "On: {paid_at_day}"),
            _MANAGE,
        ),
    ),
    "refund_given": Text(
        ("已退款：{money}", "Refunded: {money}"),
        (
            ("我们已将 {money} 退还给您。", "We have given {money} back to you."),
            ("内容：{title}", "For: {title}"),
            ("原因：{reason}", "Reason: {reason}"),
            (
                "到账时间视银行而定，通常需要数个工作日。",
                "It arrives within days, as your bank has it.",
            ),
        ),
    ),
    "dispute_opened": Text(
        ("一笔付款有争议：{money}", "A payment is disputed: {money}"),
        (
            (
                "付款人的银行对一笔 {money} 的付款提出争议。",
                "A bank disputes a payment of {money}.",
            ),
            ("内容：{title}", "For: {title}"),
            ("原因：{reason}", "Reason: {reason}"),
            ("争议结束之前，这笔款项不会汇出。", "Until this is settled the money is not paid out."),
            ("答复期限：{answer_by_day}", "To be answered by {answer_by_day}"),
            _MANAGE,
        ),
    ),
    "spend_alert": Text(
        ("用量提醒：{organization}", "Spending alert: {organization}"),
        (
            ("「{organization}」本月已使用 {money}。", "“{organization}” has spent {money} this month."),
            ("达到上限 {cap_money} 的 {percent}%。", "That is {percent}% of its cap of {cap_money}."),
            ("达到上限后，计费调用将被拒绝。", "At the cap, metered calls are refused."),
            _MANAGE,
        ),
    ),
    "endpoint_disabled": Text(
        ("Webhook 已停用：{host}", "Webhook endpoint disabled: {host}"),
        (
            ("我们已停止向 {host} 发送事件。", "We have stopped sending events to {host}."),
            ("原因：{why_zh}", "Why: {why_en}"),
            (
                "修复后请重新启用；停用期间的事件可以重放。",
                "Enable it again when it is mended; what happened meanwhile can be replayed.",
            ),
            ("端点：{endpoint_id}", "Endpoint: {endpoint_id}"),
        ),
    ),
    "email_verification": Text(
        ("请确认您的邮箱地址", "Confirm your email address"),
        (
            ("请打开此链接确认您的邮箱地址：{url}", "Open this link to confirm your address: {url}"),
            ("若非您本人操作，请忽略此信。", "If this was not you, do nothing."),
        ),
        secret=True,
    ),
    "password_reset": Text(
        ("重设密码", "Choose a new password"),
        (
            ("请打开此链接重设密码：{url}", "Open this link to choose a new password: {url}"),
            (
                "若非您本人操作，请忽略此信，您的密码不会改变。",
                "If this was not you, do nothing: your password stays.",
            ),
        ),
        secret=True,
    ),
}
