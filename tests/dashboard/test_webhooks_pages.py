"""Webhook endpoints through the pages: made, tested with a real worker, changed, rotated."""

import re

import pytest

from db import notices
from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.users.sessions import Member
from telephony.webhooks import endpoints
from telephony.webhooks.deliver import WebhookWorker
from telephony.webhooks.endpoints import Place
from telephony.webhooks.signing import verify
from tests.dashboard.visitor import Visitor
from tests.users.world import People
from tests.webhooks.sinks import Sink, running_sink

ADA, BOB = "ada@example.com", "bob@example.com"
HERE = "/dashboard/webhooks"
URL = "https://example.com/hooks"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{44}")


@pytest.fixture
async def owner(people: People, ada: Visitor) -> Member:
    member = await people.owner(ADA)
    await ada.sign_in(ADA)
    return member


async def made(visitor: Visitor, url: str = URL, **fields: str) -> tuple[str, str]:
    """The path of a new endpoint, and its secret."""
    await visitor.open(f"{HERE}?mode=test")
    said = await visitor.send(HERE, 200, 0, url=url, **fields)
    (secret,) = set(SECRET.findall(said))
    return re.findall(rf'href="({HERE}/whe_[^"]+)"', said)[0], secret


async def worked(database: Database, vault: Vault, settings: Settings) -> None:
    """A worker sends what is due."""
    worker = WebhookWorker(database, vault, settings)
    await worker.step()
    await worker.settled()
    await worker.close()


async def test_from_an_endpoint_to_a_signed_test_event(
    sqlite: Database, vault: Vault, settings: Settings, owner: Member, ada: Visitor
) -> None:
    assert "There is no endpoint yet" in await ada.open(HERE)
    async with running_sink() as sink:
        here, secret = await made(ada, f"{sink.url}/a", description="Shop", wallet_low="on")
        assert ada.page.headers["cache-control"] == "no-store"
        said = await ada.open(here)
        assert secret not in said
        assert "Nothing was sent yet" in said
        await ada.send(f"{here}/test")
        await worked(sqlite, vault, settings)
        (got,) = sink.at("/a")
        assert got.json["event"] == "wallet_low"
        assert verify(secret, got.headers["X-Signature"], got.body, now() / 1_000_000)
        await _shown(ada, here, got.event_id)
        await _checked(ada, secret, got.headers["X-Signature"], got.body.decode())
        await _again(sqlite, vault, settings, ada, sink, got.event_id)


async def _shown(ada: Visitor, here: str, event_id: str) -> None:
    said = await ada.open(here)
    assert all(told in said for told in (event_id, "Delivered", "200", "wallet_low"))
    said = await ada.open(f"{HERE}/events/{event_id}")
    assert all(told in said for told in ("noted", "Attempt 1", "sample", "POST http"))


async def _checked(ada: Visitor, secret: str, signature: str, body: str) -> None:
    """The page finds of the request what a receiver should find."""
    check = f"{HERE}/check"
    said = await ada.open(f"{check}?mode=test")
    endpoint = re.findall(r'<option value="(whe_[^"]+)"', said)[0]
    given = {"signature": signature, "body": body}
    for fields, told in (
        ({"endpoint": endpoint}, "Genuine"),
        ({"endpoint": endpoint, "body": f"{body}\r\n"}, "Genuine"),
        ({"secret": secret}, "Genuine"),
        ({"endpoint": "default"}, "has not signed this body"),
        ({"secret": "whsec_bm9uZQ=="}, "has not signed this body"),
        ({"endpoint": endpoint, "body": body + "x"}, "has not signed this body"),
        ({"endpoint": endpoint, "signature": "sha256=abc"}, "no X-Signature"),
    ):
        await ada.open(f"{check}?mode=test")
        assert told in await ada.send(check, 200, 0, **given | fields), fields
        assert f'value="{secret}"' not in ada.page.text
    await ada.open(f"{check}?mode=test")
    await ada.send(check, 404, 0, endpoint="whe_x", **given)
    await ada.send(check, 400, 0, **given | {"signature": ""})


async def _again(
    sqlite: Database, vault: Vault, settings: Settings, ada: Visitor, sink: Sink, event_id: str
) -> None:
    """Replayed one by one and by range, with the same id."""
    event = f"{HERE}/events/{event_id}"
    await ada.open(event)
    for nth in (0, 1):  # wherever it went; to that endpoint
        await ada.send(f"{event}/replay", nth=nth)
        await worked(sqlite, vault, settings)
    assert [one.event_id for one in sink.received] == [event_id] * 3
    assert "Attempt 3" in await ada.open(event)
    here = re.findall(rf'href="({HERE}/whe_[^"]+)"', await ada.open(f"{HERE}?mode=test"))[0]
    await ada.open(here)
    await ada.send(f"{here}/replay", 200, 0, state="delivered", **{"from": "2001-01-01"})
    (row,) = await sqlite.all("SELECT * FROM webhook_replay")
    assert row["which"] == "delivered"
    said = await ada.open("/dashboard/audit")
    assert all(act in said for act in ("webhook.created", "event.replayed", "webhook.replayed"))


async def test_an_endpoint_is_changed_disabled_and_deleted(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    here, _ = await made(ada, wallet_low="on")
    await ada.open(here)
    await ada.send(here, url=f"{URL}/2", description="<i>New</i>", call_completed="on")
    assert "<i>New" not in ada.page.text
    (row,) = await sqlite.all("SELECT * FROM webhook_endpoint")
    assert (row["url"], row["events"], row["enabled"]) == (f"{URL}/2", "call_completed", 1)
    assert "Disabled" in await ada.send(f"{here}/disable")
    assert "Enable it, then send this again" in await ada.send(f"{here}/test", 409)
    await ada.open(here)
    assert "Enabled" in await ada.send(f"{here}/enable")
    said = await ada.send(f"{here}/delete")
    assert (ada.at, "There is no endpoint yet" in said) == (HERE, True)
    await ada.open(here, 404)


async def test_what_cannot_be_an_endpoint(sqlite: Database, owner: Member, ada: Visitor) -> None:
    await ada.open(f"{HERE}?mode=test")
    for fields, told in (
        ({"url": "http://10.0.0.1/"}, "private or reserved"),
        ({"url": "ftp://example.com"}, "must start with https"),
        ({"url": ""}, "required"),
        ({"url": URL, "description": "x" * 256}, "at most 255"),
    ):
        said = await ada.form(HERE, {"mode": "test", "wallet_low": "on"} | fields, 400)
        assert told in said, fields
        assert 'name="wallet_low" checked' in said
    assert await sqlite.all("SELECT * FROM webhook_endpoint") == []


async def test_secrets_are_rotated_and_both_sign(
    sqlite: Database, vault: Vault, owner: Member, ada: Visitor
) -> None:
    here, old = await made(ada)
    await ada.open(here)
    (new,) = set(SECRET.findall(await ada.send(f"{here}/rotate")))
    assert "The one before it signs, too, until" in ada.page.text
    place = Place(owner.account_id, "test")
    mine = here.rpartition("/")[2]
    assert await sqlite.write(endpoints.signers, vault, place, mine, now()) == [new, old]
    assert "The secret before the present one signs, too" in await ada.open(here)
    await ada.open(HERE)
    (first,) = set(SECRET.findall(await ada.send(f"{HERE}/default/rotate")))
    signers = await sqlite.write(endpoints.signers, vault, place, "default", now())
    assert signers[0] == first
    assert "webhook.secret_rotated" in await ada.open("/dashboard/audit")


async def test_what_the_platform_did_is_told(sqlite: Database, owner: Member, ada: Visitor) -> None:
    def deed(conn: Conn) -> None:
        notices.add(conn, owner.account_id, "test", "webhook_disabled", "whe_x",
                    "It was <b>disabled</b>.", now())  # fmt: skip

    await sqlite.write(deed)
    assert "It was <b>disabled</b>." in await ada.open(f"{HERE}?mode=test")
    assert "<b>disabled" not in ada.page.text
    assert "It was" not in await ada.open(f"{HERE}?mode=live")


async def test_who_may_not_build_looks_only(
    people: People, owner: Member, ada: Visitor, bob: Visitor
) -> None:
    here, _ = await made(ada)
    await people.colleague(owner, "read_only", BOB)
    await bob.sign_in(BOB)
    assert URL in await bob.open(f"{HERE}?mode=test")
    await bob.open(here)
    assert set(bob.actions()) == {"/sign-out"}
    for action in (HERE, here, *(f"{here}/{one}" for one in ("test", "rotate", "delete"))):
        await bob.form(action, {"mode": "test", "url": URL}, 403)
    await bob.open(f"{HERE}/check", 403)


async def test_another_accounts_endpoints_are_out_of_reach(
    people: People, owner: Member, ada: Visitor, bob: Visitor
) -> None:
    here, _ = await made(ada)
    await people.owner(BOB, "Bob's")
    await bob.sign_in(BOB)
    assert URL not in await bob.open(f"{HERE}?mode=test")
    await bob.open(here, 404)
    await bob.open(HERE)
    for action in ("", "/test", "/replay", "/rotate", "/disable", "/enable", "/delete"):
        await bob.form(f"{here}{action}", {"url": URL} if not action else {}, 404)
    await ada.open(here)
