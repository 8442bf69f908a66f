"""Lists of routes: found by a number, a carrier, a provider or an account, in pages, as a file."""

import csv
import io
import re
from html import unescape

import pytest

from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms import routes
from telephony.sms.providers import configured
from telephony.voice import trunks
from tests.admin.test_network_page import HERE, OPTIONS
from tests.dashboard.visitor import Visitor
from tests.factories import customer

CALLS, MESSAGES = f"{HERE}/routes", f"{HERE}/sms-routes"
PREFIXES = ("", "49", "4930", "1")
ROW = re.compile(r"<tr>(<td.*?)</tr>", re.DOTALL)
CELL = re.compile(r"<td[^>]*>(?:<a [^>]*>)?(.*?)(?:</a>)?</td>")


def lines(visitor: Visitor) -> list[list[str]]:
    """The cells of the list."""
    return [
        [unescape(cell) for cell in CELL.findall(row)] for row in ROW.findall(visitor.page.text)
    ]


async def walk(visitor: Visitor, path: str) -> list[list[str]]:
    """The same of every page from there on."""
    await visitor.open(path)
    found = lines(visitor)
    while following := re.search(r'rel="next" href="([^"]+)"', visitor.page.text):
        await visitor.open(f"{path.partition('?')[0]}{unescape(following[1])}")
        assert "First page" in visitor.page.text
        found += lines(visitor)
    return found


@pytest.fixture
async def account_id(
    sqlite: Database, vault: Vault, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> str:
    """Who has routes of messages of its own; two carriers, two providers, and pages of three."""
    who = await customer(sqlite, name="=Acme <b>")

    def fill(conn: Conn) -> None:
        for name in ("north", "south"):
            trunks.add(
                conn, vault, name=name, host="192.0.2.7", port=5061, transport="tls", username="",
                secret="", registers=False, codecs=["ulaw"], caller_id_format="digits", cidrs=[],
                capacity=None, now=now(),
            )  # fmt: skip
            configured.add(conn, vault, settings, name, "http", str(OPTIONS).replace("'", '"'),
                           now())  # fmt: skip
            for number, prefix in enumerate(PREFIXES):
                trunks.route(conn, prefix=prefix, name=name, priority=number, weight=1, strip=0,
                             prepend="")  # fmt: skip
                routes.add(conn, provider=name, prefix=prefix, sender="", mode="live",
                           priority=number, weight=1, account_id="")  # fmt: skip
        routes.add(conn, provider="north", prefix="", sender="@x", mode="live", priority=0,
                   weight=1, account_id=who.account_id)  # fmt: skip

    await sqlite.write(fill)
    for module in ("call_routes", "sms_routes"):
        monkeypatch.setattr(f"api.admin.{module}.LINES", 3)
        monkeypatch.setattr(f"api.admin.{module}.CSV_ROWS", 2)
    return who.account_id


async def test_routes_of_calls_are_found(account_id: str, helper: Visitor) -> None:
    every = await walk(helper, CALLS)
    assert sorted(line[1] for line in every[:2]) == ["north", "south"]
    assert [line[0] for line in every[::2]] == ["any", "1", "49", "4930"]
    found = await walk(helper, f"{CALLS}?search=%2B4930&trunk=north")
    assert [line[:2] for line in found] == [[one, "north"] for one in ("any", "49", "4930")]
    assert [line[0] for line in await walk(helper, f"{CALLS}?search=491&trunk=south")] == [
        "any", "49",
    ]  # fmt: skip
    assert "Nothing is found" in await helper.open(f"{CALLS}?trunk=nobody")
    await helper.open(f"{CALLS}.csv?search=1")
    rows = list(csv.DictReader(io.StringIO(helper.page.text)))
    assert sorted((row["prefix"], row["name"]) for row in rows) == [
        ("", "north"), ("", "south"), ("1", "north"), ("1", "south"),
    ]  # fmt: skip
    for wrong in ("search=x", "cursor=x", "cursor=1:1:%27", "carrier=north"):
        await helper.open(f"{CALLS}?{wrong}", 400)


async def test_a_carrier_shows_what_leads_to_it(
    account_id: str, helper: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await helper.open(f"{HERE}/trunks/north")
    assert [line[0] for line in lines(helper)] == ["any", "1", "49", "4930"]
    assert f'href="{CALLS}?trunk=north"' in helper.page.text
    monkeypatch.setattr("api.admin.trunks.FEW", 3)
    assert "All of them" in await helper.open(f"{HERE}/trunks/north")
    assert [line[0] for line in lines(helper)] == ["any", "1", "49"]


async def test_routes_of_messages_are_found(account_id: str, helper: Visitor) -> None:
    every = await walk(helper, MESSAGES)
    assert [line[2] for line in every] == ["any"] * 2 + ["1"] * 2 + ["49"] * 2 + ["4930"] * 2 + [
        "any"
    ]
    assert every[-1][:2] == ["=Acme <b>", "@x"]
    for whose in (account_id, "%3DAcme <b>"):
        assert len(await walk(helper, f"{MESSAGES}?account={whose}")) == 1
    found = await walk(helper, f"{MESSAGES}?search=4930&provider=south")
    assert [line[2:4] for line in found] == [[one, "south"] for one in ("any", "49", "4930")]
    for nothing in ("account=Nobody", "provider=nobody"):
        assert "Nothing is found" in await helper.open(f"{MESSAGES}?{nothing}")
    await helper.open(f"{MESSAGES}.csv?account={account_id}")
    (row,) = csv.DictReader(io.StringIO(helper.page.text))
    assert (row["account_id"], row["account"], row["sender"]) == (
        account_id, "'=Acme <b>", "'@x",
    )  # fmt: skip
    await helper.open(f"{MESSAGES}.csv")
    assert len(list(csv.DictReader(io.StringIO(helper.page.text)))) == len(every)
    # A place that is gone: from the beginning.
    await helper.open(f"{MESSAGES}?cursor=rte_{'0' * 26}")
    assert lines(helper) == every[:3]
    for wrong in ("search=x", "cursor=x", "mode=test"):
        await helper.open(f"{MESSAGES}?{wrong}", 400)
