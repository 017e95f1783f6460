"""Chat exports: every way they are written, conversations, and names that are hidden."""

from datetime import datetime, timedelta

import pytest

from service.knowledge.parsing.parsed import UnreadableFile
from service.knowledge.sources.chat_exports import read_chat
from service.knowledge.sources.chats import Message, Pseudonyms, conversations, render

FIRST = datetime(2024, 5, 1, 10, 2, 33)
PAGE = (
    '<html><body><div class="message left"><div class="nickname">张三</div>'
    '<div class="time">2024-05-01 10:02:33</div><div class="content"><div class="text">退款几天？</div></div>'
    '</div><div class="msg right"><span class="dspname">李四</span>'
    '<span class="msg-time">2024-05-01 10:03:00</span><div class="msg-text">三天</div></div></body></html>'
)
SCRIPT = (
    "<html><script>const chatMessages = "
    '[{"type":1,"text":"退款几天？","is_send":0,"timestamp":1714528953,"displayname":"张三"},'
    '{"type":1,"text":"三天","is_send":1,"timestamp":1714528980,"displayname":"李四"}];</script></html>'
)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a.txt", "2024-05-01 10:02:33 张三\n退款几天？\n\n2024-05-01 10:03:00 李四\n三天\n"),
        ("a.txt", "张三 2024-05-01 10:02:33\n退款几天？\n李四 2024-05-01 10:03:00\n三天"),
        ("a.txt", "张三(2024-05-01 10:02:33):退款几天？\n李四(2024-05-01 10:03:00):三天"),
        ("a.txt", "[2024/5/1, 10:02:33] 张三: 退款几天？\n[2024/5/1, 10:03:00] 李四: 三天"),
        ("a.txt", "————— 2024-05-01 —————\n\n张三  10:02:33\n\n退款几天？\n\n李四  10:03:00\n\n三天\n"),
        ("a.txt", "张三 2024年5月1日 上午10:02:33\n退款几天？\n李四 2024年5月1日 上午10:03:00\n三天"),
        ("a.html", PAGE),
        ("a.html", SCRIPT),
        ("a.html", "<html><body><p>张三 2024-05-01 10:02:33</p><p>退款几天？</p>"
                   "<p>李四 2024-05-01 10:03:00</p><p>三天</p></body></html>"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_messages_keep_their_speaker_and_time(name: str, written: str, encoding: str) -> None:
    assert read_chat(name, written.encode(encoding)) == [
        Message("张三", FIRST, "退款几天？"),
        Message("李四", FIRST.replace(minute=3, second=0), "三天"),
    ]


def test_a_message_of_several_lines_is_one_and_a_time_in_it_begins_no_other() -> None:
    written = "张三 2024-05-01 10:02:33\n明天 10:30 开会\n\n带材料\n"
    assert [message.text for message in read_chat("a.txt", written.encode())] == ["明天 10:30 开会\n\n带材料"]


def test_without_times_a_name_and_a_colon_begin_a_message() -> None:
    found = read_chat("a.txt", "张三:\n你好\n李四：好".encode())
    assert found == [Message("张三", None, "你好"), Message("李四", None, "好")]


def test_what_is_no_chat_is_refused() -> None:
    with pytest.raises(UnreadableFile) as refused:
        read_chat("a.txt", "只是一段话。\n没有人说话。".encode())
    assert refused.value.code == "not_a_chat"


def test_a_silence_ends_a_conversation() -> None:
    times = [FIRST, FIRST + timedelta(minutes=119), FIRST + timedelta(minutes=240)]
    said = [Message("张三", at, str(n)) for n, at in enumerate(times)]
    assert [len(group) for group in conversations(said, gap=timedelta(hours=2))] == [2, 1]


def test_each_message_is_located_by_speaker_and_time_under_its_conversation() -> None:
    parsed = render([Message("张三", FIRST, "退款几天？")], gap=timedelta(hours=2))
    heading, message = parsed.blocks
    assert heading.kind == "heading"
    assert parsed.text[message.start : message.end] == "张三 10:02:33\n退款几天？"
    assert message.locator == {
        "label": "张三 · 2024-05-01 10:02",
        "heading_path": ["2024-05-01 10:02"],
        "speaker": "张三",
        "time": "2024-05-01T10:02:33",
    }


def test_hidden_names_are_gone_from_speakers_and_from_what_is_said_and_stay_the_same() -> None:
    said = [
        Message("张三", FIRST, "@Ann Lee 问一下，ANN LEE 在吗？"),
        Message("Ann Lee", FIRST, "张三你好。Announcement!"),
        Message("我", FIRST, "我在"),
    ]
    names = Pseudonyms(b"key", said)
    hidden = list(names.hide(said))
    shown = "\n".join(f"{message.speaker} {message.text}" for message in hidden)
    assert "张三" not in shown
    assert "ann lee" not in shown.casefold()
    assert "Announcement!" in shown
    assert hidden[2].text == "我在"
    assert hidden[0].speaker in hidden[1].text
    again = list(Pseudonyms(b"key", said[:1]).hide(said[:1]))
    assert again[0].speaker[-6:] == hidden[0].speaker[-6:]
    other = list(Pseudonyms(b"another", said).hide(said))
    assert other[0].speaker != hidden[0].speaker
    assert names.hide_in("与张三的聊天.txt") == f"与{hidden[0].speaker}的聊天.txt"
