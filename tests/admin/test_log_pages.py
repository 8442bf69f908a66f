"""Calls and messages of all accounts through the pages: filters, files, one of each, hang-up."""

import csv
import io
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from db import all_accounts, call_queue, calls, components, mail, searched
from db.connection import Conn
from db.database import Database
from telephony.billing import rating
from telephony.clock import SECOND, now
from tests.dashboard.visitor import Visitor
from tests.db.rows import add_call, add_cdr, add_message
from tests.factories import Customer, customer

CALLS, MESSAGES, LIVE = "/admin/calls", "/admin/messages", "/admin/live-calls"
BAD_NAME = '<b>"Umbrella"</b>'
FORMULA = "=HYPERLINK(1)"


@dataclass
class Traffic:
    """Two accounts, with an ended call, a live one and a message each."""

    owners: list[Customer]
    ended: list[str]
    live: list[str]
    messages: list[str]


@pytest.fixture
async def traffic(sqlite: Database) -> Traffic:
    owners = [await customer(sqlite, name=name, mode="live") for name in ("Acme", BAD_NAME)]

    def fill(conn: Conn) -> Traffic:
        at = now()
        return Traffic(
            owners,
            [add_call(conn, one, status="completed", created_at=at, billsec=75, cost=1_250_000,
                      hangup_cause="normal_clearing", trunk="north", from_number=FORMULA)
             for one in owners],
            [add_call(conn, one, status="answered", created_at=at, answered_at=at - 61 * SECOND,
                      node="pbx1") for one in owners],
            [add_message(conn, one, created_at=at, error_code="<i>", status="failed",
                         body="the secret text") for one in owners],
        )  # fmt: skip

    return await sqlite.write(fill)


async def test_calls_of_all_accounts_are_listed_and_filtered(
    traffic: Traffic, root: Visitor
) -> None:
    said = await root.open(CALLS)
    for shown in ("Acme", BAD_NAME, *traffic.ended, *traffic.live, "1.25 USD", "1:15", "north"):
        assert shown in said, shown
    assert "&lt;b&gt;" in root.page.text
    assert BAD_NAME not in root.page.text
    assert "No call was found" in await root.open(f"{CALLS}?mode=test")
    for account in ("Acme", traffic.owners[0].account_id):
        said = await root.open(f"{CALLS}?account={account}&status=completed&search=&from=&to=")
        assert traffic.ended[0] in said
        assert not {traffic.ended[1], *traffic.live} & set(said.replace('"', " ").split())
    assert traffic.ended[1] not in said
    assert "No call was found" in await root.open(f"{CALLS}?account=Nobody")
    assert "No call was found" in await root.open(f"{CALLS}?direction=inbound")
    assert traffic.ended[0] in await root.open(f"{CALLS}?search=(555)%200111")
    for wrong in ("mode=real", "status=lost", "from=soon", "direction=up", "colour=red"):
        await root.open(f"{CALLS}?{wrong}", 400)


async def test_the_log_goes_on_by_pages(sqlite: Database, traffic: Traffic, root: Visitor) -> None:
    def fill(conn: Conn) -> None:
        for _ in range(60):
            add_call(conn, traffic.owners[0], status="busy", created_at=now())

    await sqlite.write(fill)
    said = await root.open(f"{CALLS}?status=busy&mode=live")
    assert said.count(">Busy</span>") == 50
    target = said.split('rel="next" href="')[1].split('"')[0]
    assert "status=busy" in target
    said = await root.open(f"{CALLS}{target}")
    assert said.count(">Busy</span>") == 10
    assert "First page" in said


async def test_files_have_what_the_filters_find(traffic: Traffic, root: Visitor) -> None:
    await root.open(f"{CALLS}.csv?status=completed&mode=live")
    assert root.page.headers["content-type"].startswith("text/csv")
    assert root.page.headers["cache-control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(root.page.text)))
    assert [row["id"] for row in rows] == traffic.ended[::-1]
    assert rows[0]["from_number"] == f"'{FORMULA}"
    assert (rows[0]["cost"], rows[0]["billsec"], rows[0]["trunk"]) == ("1.25", "75", "north")
    await root.open(f"{MESSAGES}.csv?account=Acme")
    (row,) = csv.DictReader(io.StringIO(root.page.text))
    assert (row["id"], row["status"], row["cost"]) == (traffic.messages[0], "failed", "0.006")
    assert "secret" not in root.page.text


async def test_one_call_is_shown_whole(sqlite: Database, traffic: Traffic, root: Visitor) -> None:
    raw = '{"src": "<script>"}'
    await sqlite.write(lambda conn: add_cdr(conn, call_id=traffic.ended[0], raw=raw))
    said = await root.open(f"{CALLS}/{traffic.ended[0]}")
    for shown in ("Acme", "Normal clearing", "1:15", "1.25 USD", "north", '{"src": "<script>"}'):
        assert shown in said, shown
    assert "<script>" not in root.page.text.replace("<script ", "")
    assert f"{LIVE}/hang-up" not in root.actions()
    await root.open(f"{CALLS}/call_unknown", 404)


async def test_messages_are_listed_without_their_texts(traffic: Traffic, root: Visitor) -> None:
    said = await root.open(f"{MESSAGES}?status=failed")
    assert set(traffic.messages) <= set(said.replace('"', " ").replace("/", " ").split())
    assert "secret" not in said
    assert "No message was found" in await root.open(f"{MESSAGES}?status=delivered")
    said = await root.open(f"{MESSAGES}/{traffic.messages[0]}")
    assert "Acme" in said
    assert "secret" not in said
    assert "&lt;i&gt;" in root.page.text
    await root.open(f"{MESSAGES}/msg_unknown", 404)


async def test_a_live_call_is_hung_up(sqlite: Database, traffic: Traffic, root: Visitor) -> None:
    said = await root.open(LIVE)
    assert "<td>pbx1</td>" in said
    assert BAD_NAME in said
    assert BAD_NAME not in root.page.text
    assert said.count('name="id"') == 2
    await root.send(f"{LIVE}/hang-up", nth=1)
    assert root.at == LIVE
    assert root.page.text.count("Is being hung up") == 1
    (row,) = await sqlite.write(calls.to_hang_up, "pbx1", 9)
    assert (row["id"], row["hangup_reason"]) == (traffic.live[0], "platform_hangup")
    (entry,) = await sqlite.all("SELECT * FROM audit_log WHERE action = 'call.hung_up'")
    assert (entry["subject"], entry["account_id"]) == (row["id"], row["account_id"])
    assert entry["actor_name"] == "root@example.com"
    await root.form(f"{LIVE}/hang-up", {"id": "call_x"}, 404)
    await root.form(f"{LIVE}/hang-up", {"id": traffic.ended[0]}, 409)
    part = await root.client.get(LIVE, headers={"HX-Request": "true"})
    assert "<html" not in part.text
    assert traffic.live[1] in part.text


async def test_a_queued_call_is_canceled(sqlite: Database, traffic: Traffic, root: Visitor) -> None:
    rate = rating.free("USD").to_text()
    who = traffic.owners[0]
    call_id = await sqlite.write(lambda conn: add_call(conn, who, created_at=now(), rate=rate))
    await root.open(f"{CALLS}/{call_id}")
    await root.send(f"{LIVE}/hang-up")
    row = await all_accounts.one(sqlite, searched.CALLS, call_id)
    assert row is not None
    assert (row["status"], row["hangup_cause"]) == ("canceled", "platform_hangup")
    assert await sqlite.write(call_queue.claim, "pbx1", now(), 9) == []


async def test_support_looks_only(traffic: Traffic, helper: Visitor) -> None:
    await helper.open(f"{CALLS}/{traffic.live[0]}")
    assert f"{LIVE}/hang-up" not in helper.actions()
    assert traffic.live[0] in await helper.open(LIVE)
    assert f"{LIVE}/hang-up" not in helper.actions()
    await helper.form(f"{LIVE}/hang-up", {"id": traffic.live[0]}, 403)


async def test_health_tells_parts_and_queues(
    sqlite: Database, traffic: Traffic, helper: Visitor
) -> None:
    assert "No worker has reported yet" in await helper.open("/admin/health")

    def fill(conn: Conn) -> None:
        at = now()
        components.report(conn, "pbx1", "pbx", "degraded", "a <u>link</u> is down", at)
        late = at - 7_300 * SECOND
        add_message(conn, traffic.owners[0], next_attempt_at=late)
        add_message(conn, traffic.owners[0], next_attempt_at=at - 1, lane=1)
        add_call(conn, traffic.owners[0], created_at=at - 65 * SECOND)
        add_call(conn, traffic.owners[0], status="answered", created_at=at - 3_600 * SECOND)
        mail.add(conn, at - 180 * SECOND, recipient="ada@example.com", subject="", body_sealed="")

    await sqlite.write(fill)
    said = await helper.open("/admin/health")
    assert "&lt;u&gt;link" in helper.page.text
    rows = [" ".join(row.split("</tr>")[0].replace('<td class="num">', " ").replace("</td>", " ")
                     .replace("<td>", " ").split()) for row in said.split("<tr>")[1:]]  # fmt: skip
    for row in (
        "messages queued, one by one 1 2 h", "calls queued 1 1 min", "calls answered 3 –",
        "mails 1 3 min", "webhooks 0 –", "SIP accounts that pbx1 is to be told of 0 –",
    ):  # fmt: skip
        assert row in rows, (row, rows)
    part = await helper.client.get("/admin/health", headers={"HX-Request": "true"})
    assert "<html" not in part.text


@pytest.mark.parametrize("part", ["%", "_", "'", "\\", "a AND b", "*", "😀", "+1555", "0" * 64])
@pytest.mark.parametrize("log", [CALLS, MESSAGES])
async def test_what_is_searched_is_taken_as_it_is(
    traffic: Traffic, root: Visitor, log: str, part: str
) -> None:
    said = await root.open(f"{log}?{urlencode({'search': part, 'mode': 'live'})}")
    found = sum(one in said for one in (*traffic.ended, *traffic.messages))
    assert bool(found) == (part == "+1555"), part
    assert 'value="' in said


@pytest.mark.parametrize(
    "query", ["search=%00", "account=%00", f"search={'0' * 65}", f"account={'x' * 201}",
              f"cursor={'x' * 65}", "to=never", "mode=", "sip_account=%00"],
)  # fmt: skip
async def test_what_is_no_filter_is_refused(traffic: Traffic, root: Visitor, query: str) -> None:
    await root.open(f"{CALLS}?{query}", 200 if query == "mode=" else 400)


async def test_an_empty_platform_says_what_to_do(root: Visitor) -> None:
    """Without any account, call or message each page is there, and tells how to go on."""
    for path, told in (
        (CALLS, "take filters away"), (MESSAGES, "take filters away"),
        (LIVE, "from the moment their first leg is dialled"),
        ("/admin/health", "sms-voip up"), ("/admin/notices", "written down here by itself"),
    ):  # fmt: skip
        assert told in await root.open(path), path
        assert root.page.headers["cache-control"] == "no-store"
    await root.open(f"{CALLS}.csv")
    assert root.page.text.startswith("id,account_id,mode,direction,status,")
    assert root.page.text.count("\n") == 1
