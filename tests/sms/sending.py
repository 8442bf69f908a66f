"""What dispatcher tests share: sent messages, a provider that answers as told, a look at a row."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self, cast

from pydantic import BaseModel

from db import audit, ledger, messages
from db.connection import Conn
from db.database import Database
from db.message_queue import Lane
from telephony.clock import now
from telephony.settings import Settings
from telephony.sms.drafts import Draft
from telephony.sms.providers.base import (
    ROOM_ENOUGH,
    Capabilities,
    Health,
    Outcome,
    ProviderError,
    Receipt,
    ReceiptState,
    Sink,
    Submission,
    Submitted,
)
from telephony.sms.providers.sandbox import SandboxOptions
from telephony.sms.send import Accepted, send, send_all
from tests.factories import Customer

LIVE = Settings(smpp_host="127.0.0.1")
CALLBACK = "https://example.com/dlr"
TAKEN = "the submission is taken"


async def queue(
    database: Database, who: Customer, to: str = "+15551239999", text: str = "Hi!", **draft: Any
) -> str:
    """Accept a message; its id."""
    wish = Draft(to=to, text=text, callback_url=CALLBACK, **draft)

    def deed(conn: Conn) -> str:
        return send(
            conn, LIVE, account_id=who.account_id, mode=who.mode, key_id=who.key_id, draft=wish,
            now=now(),
        ).message_id  # fmt: skip

    return await database.write(deed)


async def queue_all(
    database: Database, who: Customer, wishes: Sequence[tuple[str, str]]
) -> list[str]:
    """Accept messages, each a number and a text, by one deed; their ids in order."""
    drafts = [Draft(to=to, text=text, callback_url=CALLBACK) for to, text in wishes]

    def deed(conn: Conn) -> list[str]:
        found = send_all(
            conn, LIVE, account_id=who.account_id, mode=who.mode, key_id=who.key_id,
            drafts=drafts, lane=Lane.single, now=now(),
        )  # fmt: skip
        return [cast(Accepted, one).message_id for one in found]

    return await database.write(deed)


async def message(database: Database, message_id: str) -> dict[str, Any]:
    """The row of a message."""
    row = await database.one("SELECT * FROM message WHERE id = :id", id=message_id)
    assert row is not None
    return row


async def history(database: Database, message_id: str) -> list[str]:
    """The states of a message in order."""
    return [row["status"] for row in await messages.history(database, message_id)]


async def reports(database: Database, message_id: str) -> list[dict[str, Any]]:
    """The payloads of the events of a message, in order; each goes to its callback once."""
    rows = await database.all(
        "SELECT e.payload, d.url FROM event e JOIN delivery d ON d.event_id = e.id"
        " WHERE e.subject = :id AND e.type = 'delivery_report' ORDER BY e.id",
        id=message_id,
    )
    assert {row["url"] for row in rows} <= {CALLBACK}
    return [json.loads(row["payload"]) for row in rows]


async def wallet(database: Database, who: Customer) -> tuple[int, int]:
    """(balance, held), with the books in order."""
    drift = await database.write(audit.drift)
    assert not any(drift.values()), drift
    found = await ledger.balances(database, who.account_id, who.mode)
    return found["wallet"]["balance"], found["wallet"]["held"]


async def hasten(database: Database, **columns: int) -> None:
    """Set instants of every message, as if time had passed."""
    sets = ", ".join(f"{name} = :{name}" for name in columns)
    await database.write(lambda conn: conn.run(f"UPDATE message SET {sets}", **columns))


Answer = str | ProviderError
"""A provider_message_id, or the error."""


class Told:
    """A provider that answers with what `answer` returns for each submission."""

    options: ClassVar[type[BaseModel]] = SandboxOptions
    repeatable = False
    capabilities = Capabilities()

    def __init__(self, answer: Callable[[Submission], Answer], name: str = "smpp") -> None:
        self.name = name
        self.submitted: list[Submission] = []
        self._answer = answer

    @classmethod
    def from_options(cls, name: str, options: Mapping[str, object], settings: Settings) -> Self:
        return cls(lambda _: "1", name)

    async def start(self, sink: Sink) -> None:
        """Nothing to connect."""

    async def resume(self, open_ids: Sequence[str]) -> None:
        """Nothing to resume."""

    async def room(self) -> int:
        return ROOM_ENOUGH

    async def submit(self, batch: Sequence[Submission]) -> list[Outcome]:
        self.submitted += batch
        answers = [self._answer(one) for one in batch]
        return [Submitted(one) if isinstance(one, str) else one for one in answers]

    async def stop(self) -> None:
        """Nothing to stop."""

    def health(self) -> Health:
        return Health(True, "told")

    def figures(self) -> Mapping[str, float]:
        return {}


def by_part(submission: Submission) -> str:
    """`<message id>/<part>`, so that tests know what receipts to make."""
    return f"{submission.message_id}/{submission.part}"


def receipt(
    provider_message_id: str, state: ReceiptState = ReceiptState.DELIVERED, code: str = "",
    provider: str = "smpp",
) -> Receipt:  # fmt: skip
    return Receipt(provider, provider_message_id, state, code, raw=f"stat:{state}")
