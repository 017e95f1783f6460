"""Step 6: what the creator earned, to the cent, and books that balance. Then a library, if there is one."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from service.demo.cast import Cast, Person, Shelf
from service.demo.creating import publish_library
from service.demo.reading import TIP, ask, cited_place, open_citation
from service.demo.telling import StoryBroken, Teller, fen, money
from service.mail.files import WrittenLetter, letters_in, read_letter

EARNED_SECONDS = 15
DOCTOR_SECONDS = 60
MONTHLY = 990
BOUGHT = 2
"""What the reader paid for: a subscription and a tip."""

LAWS = (
    ("劳动合同期限三年以上的试用期最长多久", "劳动合同法", "第十九条"),
    ("普通诉讼时效是几年", "总则", "第一百八十八条"),
    ("离婚冷静期多少天", "婚姻家庭编", "第一千零七十七条"),
    ("故意伤害他人身体怎么处罚", "刑法", "第二百三十四条"),
    ("離婚冷靜期多少天", "婚姻家庭编", "第一千零七十七条"),
)
FOREIGN = "面包怎么烤才松软"


async def show_earnings(teller: Teller, cast: Cast, data_dir: Path) -> None:
    """80% of the subscription and of the tip less the same share of the fees; the ledger sums to zero."""
    share = MONTHLY * 8 // 10 + TIP * 8 // 10
    token = cast.creator.token

    async def earned() -> dict[str, Any] | None:
        found = await teller.call("GET", "/creator/v1/earnings", token=token, quiet=True)
        return found if sum(balance["earned"] for balance in found["balances"]) >= share else None

    await teller.until("The subscription and the tip are earned", earned, seconds=EARNED_SECONDS)
    found = await teller.call("GET", "/creator/v1/earnings", token=token)
    (balance,) = found["balances"]
    sales = (await teller.call("GET", "/creator/v1/sales", token=token))["data"]
    for sale in sales:
        came = f", come by ?ref={sale['ref']}" if sale["ref"] else ""
        split = f"{money(sale['price'])}: {fen(sale['earned'])} earned, {fen(sale['fees'])} of the fees"
        teller.show(sale["kind"], split + came)
    teller.check("the shared link is on the subscription's sale", any(sale["ref"] for sale in sales), sales)
    for name in ("earned", "fees", "refunded", "paid", "payable"):
        teller.show(name, fen(balance[name], balance["currency"]))
    sums = {name: sum(sale[name] for sale in sales) for name in ("earned", "fees")}
    held = balance["earned"] == sums["earned"] == share and balance["fees"] == sums["fees"] > 0
    teller.check(f"80% of {fen(MONTHLY)} and of {fen(TIP)}, and 80% of the fees, to the cent", held, balance)
    left = balance["earned"] - balance["fees"] - balance["refunded"] - balance["paid"]
    teller.check("earned − fees − refunded − paid = payable", balance["payable"] == left, balance)
    lines = await teller.call("GET", "/creator/v1/earnings/transfers", token=token)
    moved = sum(line["amount"] for line in lines["data"])
    claim = f"and so do the {len(lines['data'])} lines of the ledger behind it"
    teller.check(claim, moved == left, lines)
    accruing = sum(one["amount"] for one in found["accruing"])
    claim = f"{fen(accruing)} of the metered calls accrue until their invoice is paid"
    teller.check(claim, accruing > 0, found)
    await open_letters(teller, cast, data_dir)
    await examine(teller, data_dir)


async def open_letters(teller: Teller, cast: Cast, data_dir: Path) -> None:
    """Whoever paid has a receipt by mail; with no mail server, letters are files."""

    async def receipts() -> list[WrittenLetter] | None:
        letters = [read_letter(path) for path in letters_in(data_dir / "mail")]
        mine = [each for each in letters if cast.reader.email in each.to and "Receipt" in each.subject]
        return mine if len(mine) >= BOUGHT else None

    found = await teller.until("The reader has receipts by mail", receipts, seconds=EARNED_SECONDS)
    for letter in found:
        teller.show("letter", f"{letter.subject} (zhihao letters --text shows it)")


async def examine(teller: Teller, data_dir: Path) -> None:
    """Runs ``zhihao doctor`` beside the service: the ledger sums to zero and every other invariant holds."""
    environment = os.environ | {"ZHIHAO_DATA_DIR": str(data_dir)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service.cli", "doctor"),
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), DOCTOR_SECONDS)
    except TimeoutError:
        process.kill()
        raise StoryBroken(f"zhihao doctor: not done within {DOCTOR_SECONDS} s") from None
    teller.say("zhihao doctor")
    for line in output.decode().splitlines():
        if "orphans." not in line:
            teller.say(f"  {line}")
    teller.check("the ledger sums to zero and every invariant holds", process.returncode == 0, output)


async def ask_the_laws(teller: Teller, cast: Cast, archive: Path) -> Shelf:
    """A second knowledge base from ``archive``, opened to the reader by a grant, and asked in Chinese."""
    shelf = await publish_library(teller, cast, archive)
    path = f"/creator/v1/knowledge-bases/{shelf.id}/grants"
    body = {"email": cast.reader.email, "note": "demo"}
    await teller.call("POST", path, token=cast.lawyer.token, expect=201, json=body)
    for question, title, article in LAWS:
        await _ask_law(teller, cast.reader, shelf, question, title, article)
    refused = await ask(teller, cast.reader, shelf, FOREIGN)
    teller.check(
        "a question about bread is refused", refused["refused"] and not refused["citations"], refused
    )
    return shelf


async def _ask_law(
    teller: Teller, reader: Person, shelf: Shelf, question: str, title: str, article: str
) -> None:
    answer = await ask(teller, reader, shelf, question)
    held = (
        bool(answer["citations"])
        and title in answer["citations"][0]["title"]
        and article in (answer["text"] + cited_place(answer["citations"][0]))
    )
    teller.check(f"it is {title} {article}", held, answer)
    for citation in answer["citations"]:
        await open_citation(teller, reader, citation)
