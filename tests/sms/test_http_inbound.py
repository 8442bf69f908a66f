"""What HTTP providers push: proved by a secret, read by paths, kept once."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from api.app import create_app
from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.errors import ValidationFailedError
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms import routes
from telephony.sms.dispatch import Dispatcher
from telephony.sms.providers import configured
from telephony.sms.providers.base import Submission
from tests.api.world import client_of
from tests.factories import Customer, customer
from tests.sms.sending import LIVE, Told, history, message, queue, reports, wallet

SECRET = "a secret of sixteen"
OURS, PHONE = "+15550111222", "+15551239999"
PATH = "/api/v1/sms/providers/web/inbound"
JSON = {"Content-Type": "application/json"}
PLAIN = {"secret": SECRET}
NESTED = {
    "secret": SECRET, "proof": "token", "header": "Authorization", "items_path": "data.events",
    "id_path": "ref", "from_path": "msisdn.0", "to_path": "to.number", "text_path": "body",
    "status_path": "dlr", "error_path": "why",
}  # fmt: skip


@pytest.fixture
def vault() -> Vault:
    return Vault(Fernet.generate_key().decode())


@pytest.fixture
async def who(database: Database) -> Customer:
    owner = await customer(database, mode="live")

    def own(conn: Conn) -> None:
        conn.run(
            "INSERT INTO owned_number (number, account_id, mode, strategy, ring_seconds, targets,"
            " forward_to, created_at) VALUES (:n, :a, 'live', 'all', 20, '', '', 1)",
            n=OURS, a=owner.account_id,
        )  # fmt: skip

    await database.write(own)
    return owner


@pytest.fixture
async def client(database: Database, vault: Vault) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(Settings(), database, vault)) as opened:
        yield opened


async def add(
    database: Database, vault: Vault, inbound: dict[str, Any] | None = None, **more: Any
) -> None:
    given = {"url": "https://example.com/send", "inbound": inbound, **more}
    await database.write(configured.add, vault, LIVE, "web", "http", json.dumps(given), now())


async def push(client: httpx.AsyncClient, body: object, **headers: str) -> httpx.Response:
    """Signed, unless `headers` say otherwise."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
    return await client.post(
        PATH, content=content, headers={**JSON, "X-Signature": signature, **headers}
    )


async def taken(response: httpx.Response) -> int:
    assert response.status_code == 200, response.text
    received: int = response.json()["received"]
    return received


async def kept(database: Database) -> list[tuple[str, str, str, str]]:
    rows = await database.all("SELECT * FROM sms_inbound ORDER BY id")
    return [(row["account_id"], row["from_number"], row["to_number"], row["body"]) for row in rows]


async def test_a_message_is_kept_once(
    database: Database, vault: Vault, client: httpx.AsyncClient, who: Customer
) -> None:
    await add(database, vault, PLAIN)
    one = {"id": "m1", "from": "15551239999", "to": OURS, "text": "Grüße 😀", "more": [1]}
    assert await taken(await push(client, one)) == 1
    assert await taken(await push(client, [one, {**one, "id": 2, "from": "ACME"}])) == 2
    assert await kept(database) == [
        (who.account_id, PHONE, OURS, "Grüße 😀"), (who.account_id, "ACME", OURS, "Grüße 😀"),
    ]  # fmt: skip


async def test_receipts_settle_their_messages(
    database: Database, vault: Vault, client: httpx.AsyncClient, who: Customer
) -> None:
    """Also one that comes before the message is known as sent; a repeated one changes nothing."""
    await add(database, vault, NESTED, states={"OK": "delivered", "BAD": "undelivered"})
    await database.write(lambda conn: routes.add(
        conn, provider="web", prefix="", sender="", mode="live", priority=0, weight=1,
        account_id="",
    ))  # fmt: skip
    first, second = [await queue(database, who) for _ in range(2)]
    token = {"Authorization": f"Bearer {SECRET}"}

    def events(*told: dict[str, Any]) -> dict[str, Any]:
        return {"data": {"events": list(told)}}

    def name(submission: Submission) -> str:
        return submission.message_id

    bad = {"ref": first, "dlr": "BAD", "why": 17}
    assert await taken(await push(client, events(bad), **token)) == 1
    assert await Dispatcher(database, Told(name, "web")).step() == 2
    later = events({"ref": second, "dlr": "SEEN"}, {"ref": second, "dlr": "OK"}, bad, bad)
    assert await taken(await push(client, later, **token)) == 3
    assert (await history(database, first))[-2:] == ["sent", "undelivered"]
    assert (await message(database, first))["error_code"] == "17"
    assert (await history(database, second))[-2:] == ["sent", "delivered"]
    assert [one["status"] for one in await reports(database, second)] == ["sent", "delivered"]
    phone = {"msisdn": [15551239999], "to": {"number": OURS}, "body": "Hi!"}
    assert await taken(await push(client, events(phone), **token)) == 1
    assert (await kept(database))[0][1:] == (PHONE, OURS, "Hi!")
    assert (await wallet(database, who))[1] == 0


@pytest.mark.parametrize("headers", [
    {"X-Signature": ""}, {"X-Signature": "0" * 64}, {"X-Signature": SECRET},
    {"X-Signature": "é"}, {"Authorization": f"Bearer {SECRET}", "X-Signature": ""},
])  # fmt: skip
async def test_who_cannot_prove_it_is_refused(
    database: Database, vault: Vault, client: httpx.AsyncClient, who: Customer,
    headers: dict[str, str],
) -> None:  # fmt: skip
    await add(database, vault, PLAIN)
    body = {"from": PHONE, "to": OURS, "text": "Hi!"}
    refused = await client.post(PATH, json=body, headers=_bytes(headers))
    assert (refused.status_code, refused.json()["code"]) == (403, "signature_invalid")
    assert await kept(database) == []
    signed = await push(client, body)
    changed = json.dumps({**body, "text": "Ho!"}).encode()
    forged = await client.post(
        PATH, content=changed,
        headers={**JSON, "X-Signature": signed.request.headers["X-Signature"]},
    )  # fmt: skip
    assert forged.status_code == 403
    assert len(await kept(database)) == 1


def _bytes(headers: dict[str, str]) -> dict[bytes, bytes]:
    return {name.encode(): value.encode() for name, value in headers.items()}


@pytest.mark.parametrize("case", ["no provider", "no inbound", "removed"])
async def test_who_does_not_push_is_refused_alike(
    database: Database, vault: Vault, client: httpx.AsyncClient, case: str
) -> None:
    if case != "no provider":
        await add(database, vault, PLAIN if case == "removed" else None)
    if case == "removed":
        await database.write(configured.remove, "web", now())
    refused = await push(client, {"from": PHONE, "to": OURS, "text": "Hi!"})
    assert (refused.status_code, refused.json()["code"]) == (403, "signature_invalid")
    nobody = await client.post(PATH.replace("web", "w%00b"), json={})
    assert nobody.json()["code"] == "signature_invalid"


@pytest.mark.parametrize(("body", "code"), [
    (b"{", "malformed_json"), (b"\xff", "malformed_json"), (b"[" * 100_000, "malformed_json"),
    ({}, "validation_error"), (3, "validation_error"), ([None], "validation_error"),
    ({"from": PHONE, "to": OURS}, "validation_error"), ({"status": "x"}, "validation_error"),
    ({"from": "a\0b", "to": OURS, "text": "x"}, "validation_error"),
    ({"from": "a\ud800b", "to": OURS, "text": "x"}, "validation_error"),
    ({"id": "x" * 256, "status": "delivered"}, "validation_error"),
    ([{"id": "x", "status": "delivered"}] * 1001, "validation_error"),
])  # fmt: skip
async def test_what_cannot_be_read(
    database: Database, vault: Vault, client: httpx.AsyncClient, body: object, code: str
) -> None:
    await add(database, vault, PLAIN)
    refused = await push(client, body)
    assert (refused.status_code, refused.json()["code"]) == (400, code)
    assert await database.all("SELECT * FROM sms_receipt") == []


async def test_options_that_are_wrong(database: Database, vault: Vault) -> None:
    for wrong in ({}, {"secret": "short"}, {**PLAIN, "proof": "none"}, {**PLAIN, "colour": 1}):
        with pytest.raises(ValidationFailedError, match="inbound") as caught:
            await add(database, vault, wrong)
        assert SECRET not in str(caught.value)
