"""Price lists through the administrators' pages: compared before they are imported, exported,
assigned; rates of an account's own."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from db import decks, tariffs
from db.connection import Conn
from db.database import Database
from telephony.admin import tariffs as deeds
from telephony.billing.rating import rate_for
from telephony.clock import now
from telephony.errors import ValidationFailedError
from telephony.users.sessions import Member
from tests.billing.decks import deck
from tests.dashboard.visitor import INPUT, Visitor
from tests.factories import TARIFF, rate
from tests.users.world import URL, People

ADA, BOB, ROOT = "ada@example.com", "bob@example.com", "root@example.com"
HERE = "/admin/tariffs"
LONDON = "+442079460000"
NAME = re.compile(r"<tr><td>([^<]+)</td><td>USD")
HEADING = ",".join(tariffs.COLUMNS)


@pytest.fixture
async def owner(people: People) -> Member:
    """Buys by a list of the prefixes 1, 1555 and 49."""
    return await people.owner(ADA, "Engines")


async def upload(
    visitor: Visitor, action: str, content: bytes | None, status: int = 200, **fields: str
) -> str:
    """Send a form with a file from the present page."""
    token = dict(INPUT.findall(visitor.page.text))["csrf"]
    visitor.page = await visitor.client.post(
        action, data={"csrf": token} | fields, follow_redirects=True,
        files={"file": ("deck.csv" if content is not None else "", content or b"", "text/csv")},
        headers={"Origin": URL, "Referer": str(visitor.page.url)},
    )  # fmt: skip
    assert visitor.page.status_code == status, visitor.page.text
    return unescape(visitor.page.text)


async def price(database: Database, member: Member, number: str = LONDON) -> int:
    found = await database.write(rate_for, member.account_id, number, now())
    return found.sms_per_segment


def csv_of(tmp_path: Path, *rates: dict[str, Any]) -> bytes:
    return deck(tmp_path, *rates).read_bytes()


async def test_a_list_is_compared_and_then_imported(
    sqlite: Database, people: People, owner: Member, root: Visitor, tmp_path: Path
) -> None:
    content = csv_of(
        tmp_path, rate("1"), rate("1555", sms_per_segment=6_500), rate("44", country="<b>UK"),
    )  # fmt: skip
    assert TARIFF in await root.open(HERE)
    said = await upload(root, f"{HERE}/compare", content, name=TARIFF)
    assert "3 rates from" in said
    assert "sms_per_segment 0.007000 → 0.006500" in said
    assert "44 <b>UK" in said
    assert "<b>UK" not in root.page.text
    assert "49 Country 49" in said
    assert len(await decks.versions(sqlite)) == 1
    (kept,) = await sqlite.all("SELECT * FROM stored_file")
    assert content not in kept["content_sealed"]
    said = await root.send(f"{HERE}/import")
    assert root.at == HERE
    assert len(await decks.versions(sqlite)) == 2
    assert await price(sqlite, owner) == 6_000
    assert await price(sqlite, owner, "+15551234567") == 6_500
    assert await sqlite.all("SELECT * FROM stored_file") == []
    (entry,) = await sqlite.all("SELECT * FROM audit_log WHERE action = 'price_list.imported'")
    assert (entry["subject"], entry["actor_name"]) == (TARIFF, ROOT)
    assert '"gone": 1' in entry["after"]
    link = said.split(f'href="{HERE}.csv?')[1].split('"')[0]
    await root.open(f"{HERE}.csv?{link}")
    assert root.page.headers["content-type"].startswith("text/csv")
    assert sorted(root.page.text.splitlines()) == sorted(content.decode().splitlines())


async def test_a_version_may_begin_later_and_a_list_be_new(
    sqlite: Database, owner: Member, root: Visitor, tmp_path: Path
) -> None:
    content = csv_of(tmp_path, rate("44"))
    await root.open(HERE)
    said = await upload(root, f"{HERE}/compare", content, 400, name="Euros")
    assert "is a new price list: give its currency" in said
    await upload(root, f"{HERE}/compare", content, name="Euros", currency="EUR",
                 valid_from="2099-01-31")  # fmt: skip
    said = await root.send(f"{HERE}/import")
    assert "31 Jan 2099" in said
    assert "To come" in said
    await root.open(f"{HERE}.csv?name=Euros", 404)
    await root.open(f"{HERE}.csv?name=None", 404)


@pytest.mark.parametrize(
    ("content", "fields", "told"),
    [
        (None, {}, "Choose a CSV file"),
        (b"", {}, "the heading lacks"),
        (b"prefix,country\n1,US\n", {}, "the heading lacks"),
        (HEADING.encode() + b"\n", {}, "has no rates"),
        (HEADING.encode() + b"\n49,G,DE,d,free,0,0,1,1,0\n", {}, "line 2: sms_per_segment"),
        (HEADING.encode() + b"\n" + b"x\n" * 40, {}, "line 21: "),
        (b"\xff\xfe\x00", {}, "the heading"),
        (b"%PDF-1.7", {"valid_from": "soon"}, "Write a date"),
        (HEADING.encode() + b"\n49,G,DE,d,1,0,0,1,1,0\n", {"currency": "EUR"}, "is in USD"),
    ],
)
async def test_what_is_wrong_with_a_file_is_told_line_by_line(
    sqlite: Database, owner: Member, root: Visitor, content: bytes | None,
    fields: dict[str, str], told: str,
) -> None:  # fmt: skip
    await root.open(HERE)
    said = await upload(root, f"{HERE}/compare", content, 400, name=TARIFF, **fields)
    assert told in said
    assert len(await decks.versions(sqlite)) == 1
    assert await sqlite.all("SELECT id FROM stored_file") == []


async def test_only_what_was_compared_last_is_imported(
    sqlite: Database, owner: Member, root: Visitor, tmp_path: Path
) -> None:
    await root.open(HERE)
    await upload(root, f"{HERE}/compare", csv_of(tmp_path, rate("44")), name=TARIFF)
    first = root.page
    await upload(root, f"{HERE}/compare", csv_of(tmp_path, rate("45")), name=TARIFF)
    second, root.page = root.page, first
    await root.send(f"{HERE}/import", 404)
    root.page = second
    await root.send(f"{HERE}/import")
    root.page = second
    await root.send(f"{HERE}/import", 404)
    assert len(await decks.versions(sqlite)) == 2


async def test_versions_are_found_page_by_page(
    people: People, root: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(conn: Conn) -> None:
        for number in range(4):
            tariffs.add_tariff(conn, f"Gold {number}", "USD", [], now())

    await people.database.write(fill)
    names = sorted(row["name"] for row in await decks.versions(people.database))
    monkeypatch.setattr("api.admin.tariffs.LINES", 2)
    await root.open(HERE)
    found = NAME.findall(root.page.text)
    while following := re.search(r'rel="next" href="([^"]+)"', root.page.text):
        await root.open(f"{HERE}{unescape(following[1])}")
        found += NAME.findall(root.page.text)
    assert found == names
    await root.open(f"{HERE}?search=gOLD+3")
    assert NAME.findall(root.page.text) == ["Gold 3"]
    assert "Nothing is found" in await root.open(f"{HERE}?search=%25")
    await root.open(f"{HERE}?cursor=x", 400)


async def test_an_account_buys_by_another_list(
    sqlite: Database, people: People, owner: Member, root: Visitor
) -> None:
    for name, currency in (("Cheap", "USD"), ("Euros", "EUR")):
        await sqlite.write(tariffs.add_tariff, name, currency, [rate("44")], now())
    page = f"/admin/accounts/{owner.account_id}"
    said = await root.open(f"{page}/rates")
    assert "Cheap" in said
    assert "Euros" not in said
    await root.send(f"{page}/rates/list", name="Cheap")
    assert root.at == f"{page}/rates"
    assert await price(sqlite, owner) == 6_000
    assert "Euros is in EUR" in await root.form(f"{page}/rates/list", {"name": "Euros"}, 400)
    await root.open(f"{page}/rates")
    assert "no price list X" in await root.form(f"{page}/rates/list", {"name": "X"}, 400)
    assert (await people.acts()).count("account.price_list_set") == 1


async def test_an_account_gets_rates_of_its_own(
    sqlite: Database, people: People, owner: Member, root: Visitor, tmp_path: Path
) -> None:
    page = f"/admin/accounts/{owner.account_id}/rates"
    assert "It has no rates of its own" in await root.open(page)
    many = [rate(f"44{number:02d}", sms_per_segment=1_000) for number in range(60)]
    said = await upload(root, page, csv_of(tmp_path, *many))
    assert root.at == page
    assert "4449" in said
    assert "4450" not in said
    assert "0.001 USD" in said
    older = said.split('rel="next" href="')[1].split('"')[0]
    assert "4459" in await root.open(f"{page}{older}")
    assert await price(sqlite, owner) == 1_000
    assert "line 2" in await upload(root, page, HEADING.encode() + b"\nx\n", 400)
    assert await price(sqlite, owner) == 1_000
    await root.open(page)
    said = await upload(root, page, HEADING.encode() + b"\n")
    assert "It has no rates of its own" in said
    assert (await people.acts()).count("account.rates_set") == 2


async def test_support_looks_only(people: People, owner: Member, bob: Visitor) -> None:
    await people.admin("support", BOB)
    await bob.sign_in(BOB)
    assert "Import a version" not in await bob.open(HERE)
    await upload(bob, f"{HERE}/compare", b"", 403, name=TARIFF)
    await bob.open(f"/admin/accounts/{owner.account_id}/rates", 403)


def test_a_small_file_may_begin_as_spreadsheets_do() -> None:
    line = "49,Germany,DE,direct,0.006,0.012,0,60,60,0\n"
    (found,) = deeds.rates_of(f"\ufeff{HEADING}\n{line}".encode())
    assert (found["prefix"], found["sms_per_segment"]) == ("49", 6_000)
    with pytest.raises(ValidationFailedError):
        deeds.rates_of(f"{HEADING}\n49,\udcff".encode("utf-8", "surrogateescape"))


async def test_a_file_that_is_too_large_is_for_the_command(owner: Member, root: Visitor) -> None:
    await root.open(HERE)
    said = await upload(root, f"{HERE}/compare", b"x" * (deeds.BYTES_MAX + 1), 400, name=TARIFF)
    assert "use the command" in said
