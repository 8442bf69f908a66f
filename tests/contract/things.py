"""One thing of every kind that a path can name, all of them one customer's."""

from dataclasses import dataclass
from typing import Any

from api.endpoint import Endpoint
from db import recordings
from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.secrets import Vault
from tests.api.client import Api, good
from tests.api.world import add_phone
from tests.factories import Customer, customer

NEW_NUMBER = "+15550700001"
SENDER = "ACME"


@dataclass(frozen=True)
class Things:
    """Ids by the beginning of the path that takes them."""

    owner: Customer
    ids: dict[str, str]

    def path(self, endpoint: Endpoint) -> str:
        """The endpoint's path with the owner's own things in it."""
        path = endpoint.path.replace("{number}", NEW_NUMBER).replace("{sender}", SENDER)
        before, brace, rest = path.partition("{")
        if not brace:
            return path
        return before + self.ids[before.rstrip("/")] + rest.partition("}")[2]


async def things(api: Api, database: Database, vault: Vault) -> Things:
    """Made through the door wherever it makes them."""
    owner = await customer(database, mode="test", funds="10", sip_funds="10")
    await add_phone(database, vault, owner)
    door = api.using(owner)
    body: dict[str, Any] = {"url": "https://hooks.example.com/all"}
    hook = good(await door.post("/webhooks", body), 201)["id"]
    good(await door.post(f"/webhooks/{hook}/test"), 202)
    sent = good(await door.post("/sms/send", {"to": "+15551234567", "text": "Hi!"}), 202)
    placed = good(await door.post("/voice/call", {"to": "+15559876543"}), 202)["call_id"]
    good(await door.post("/voip/caller-ids", {"number": NEW_NUMBER}), 202)
    good(await door.post("/sms/sender-ids", {"sender": SENDER}), 202)
    await database.write(_record, owner, placed)
    listed = {
        "/voip/accounts": good(await door.get("/voip/accounts"))["data"][0]["id"],
        "/events": good(await door.get("/events"))["data"][0]["id"],
        "/voice/recordings": (await _one(database, "recording"))["id"],
    }
    link = {"/voip/setup": "a.1.p.0"}  # no more than a link names this one
    ids = {**link, "/webhooks": hook, "/sms": sent["message_id"], "/voice/calls": placed, **listed}
    return Things(owner, ids)


async def _one(database: Database, table: str) -> dict[str, Any]:
    row = await database.one(f"SELECT * FROM {table}")
    assert row is not None
    return row


def _record(conn: Conn, owner: Customer, call_id: str) -> None:
    recordings.add(
        conn, call_id=call_id, account_id=owner.account_id, mode=owner.mode, node="pbx1",
        channels=2, created_at=now(),
    )  # fmt: skip
