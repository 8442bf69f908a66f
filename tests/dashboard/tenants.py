"""Accounts with one of everything, and what of it nobody else may see."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from api.web.formats import phone
from db import caller_ids, credentials, inbound, notices, request_log, sms_accounts
from db.connection import Conn, Row
from db.database import Database
from db.ids import new_id
from db.sms_accounts import SenderStatus
from db.tables import metadata
from telephony import files
from telephony.accounts import create_key
from telephony.clock import now
from telephony.settings import Settings
from telephony.users import identity, team, tickets
from telephony.users.sessions import Member
from telephony.voice import numbers
from telephony.webhooks import endpoints
from telephony.webhooks.endpoints import Place
from telephony.webhooks.samples import SAMPLES
from tests.dashboard.messaging import fund, sent
from tests.dashboard.test_call_pages import stored
from tests.dashboard.test_events_pages import attempt, tell
from tests.dashboard.voice_world import add_phone, answered, log_calls, owner_of, queued, register
from tests.users.test_identity import TOLD
from tests.users.world import People

MODE = "test"
SHORT = 6
"""Texts with fewer characters may be anywhere."""
Rows = Mapping[str, list[Row]]


@dataclass(frozen=True)
class Tenant:
    """`ids` has what names each thing in paths and forms, by the part of the path before it or by
    the field."""

    member: Member
    token: str
    ids: Mapping[str, str]


async def settle(people: People, settings: Settings, name: str, digit: int) -> Tenant:
    """An account whose things have the name, or numbers with the digit, in all of their texts."""
    made = _Settler(people, settings, name, digit)
    return await made.settle()


class _Settler:
    def __init__(self, people: People, settings: Settings, name: str, digit: int) -> None:
        self.people, self.settings, self.name = people, settings, name
        self.db, self.digit = people.database, digit
        self.number, self.far = f"+1555{digit}111222", f"+1555{digit}987654"
        self.ids: dict[str, str] = {}

    async def settle(self) -> Tenant:
        people, name = self.people, self.name
        owner = await owner_of(people, f"{name}@example.com", f"{name} limited")
        colleague = await people.colleague(owner, "developer", f"dev-{name}@example.com")
        elsewhere = await people.enter(owner.user_id)
        self.ids |= dict.fromkeys(("enter", "accounts", "account", "account_id"), owner.account_id)
        self.ids |= {"team": colleague.user_id, "sessions": elsewhere.session_id}
        await fund(self.db, owner)
        await self._people(owner)
        await self._papers(owner)
        await self._messages(owner)
        await self._phones(owner)
        await self._webhooks(owner)
        return Tenant(owner, await people.token(owner.user_id), self.ids)

    async def _people(self, owner: Member) -> None:
        email, key = f"new-{self.name}@example.com", f"passkey-of-{self.name}"

        def deed(conn: Conn) -> None:
            credentials.add_passkey(
                conn, id=key, user_id=owner.user_id, name=f"Token of {self.name}",
                public_key="none", sign_count=0, created_at=now(),
            )  # fmt: skip
            made = create_key(conn, owner.account_id, MODE, name=f"Key of {self.name}",
                              actor=owner.actor, now=now())  # fmt: skip
            self.ids |= {"keys": made.id, "passkeys": key}

        await self.db.write(deed)
        await self.db.write(team.invite, self.people.post, owner, email, "billing", now())
        self.ids["invitation"] = await self.people.mailed_token()
        (asked,) = await self.db.all("SELECT id FROM one_use_token WHERE email = :e", e=email)
        self.ids["take-back"] = asked["id"]

    async def _papers(self, owner: Member) -> None:
        file = files.sealed(self.people.vault, "file", f"{self.name}.pdf", b"%PDF-1.7 a trace")
        asked = tickets.Question("api", f"Why, asks {self.name}", f"So writes {self.name}.")

        def deed(conn: Conn) -> None:
            conn.run("UPDATE account SET kyc_approved_at = NULL WHERE id = :id",
                     id=owner.account_id)  # fmt: skip
            self.ids["tickets"] = tickets.open_ticket(
                conn, self.people.post, "", owner, asked, [file], now()
            )

        await self.db.write(deed)
        newcomer = await self.people.enter(owner.user_id)
        told = TOLD | {"legal_name": f"The true {self.name}"}
        check = await self.db.write(
            identity.submit, newcomer, self.people.vault, told, [file], now()
        )
        held = await self.db.all("SELECT id, subject FROM stored_file WHERE account_id = :id",
                                 id=owner.account_id)  # fmt: skip
        for row in held:
            self.ids["documents" if row["subject"] == check else "files"] = row["id"]
        self.ids["identity"] = check

    async def _messages(self, owner: Member) -> None:
        sender, account_id = f"S{self.name.upper()}"[:11], owner.account_id
        accepted = await sent(self.db, owner, to=self.far, text=f"Hello, says {self.name}.",
                              reference=f"order of {self.name}")  # fmt: skip

        def deed(conn: Conn) -> None:
            sms_accounts.request_sender(conn, account_id, sender, now())
            sms_accounts.decide_sender(conn, account_id, sender, SenderStatus.approved, "", now())
            sms_accounts.opt_out(conn, account_id, MODE, sender, self.far, "STOP", now())
            inbound.add(
                conn, id=new_id("msg"), account_id=account_id, mode=MODE, provider="sandbox",
                from_number=self.far, to_number=self.number, body=f"Thanks, {self.name}!",
                segments=1, keyword="", fact=self.name, created_at=now(),
            )  # fmt: skip
            request_log.add_all(conn, [{
                "id": new_id("rql"), "request_id": f"req-of-{self.name}", "account_id": account_id,
                "mode": MODE, "key_id": self.ids["keys"], "method": "POST", "path": "/sms/send",
                "status": 202, "code": None, "latency_us": 1_000, "at": now(),
            }])  # fmt: skip
            notices.add(conn, account_id, MODE, "disabled", "", f"For {self.name} only.", now())

        await self.db.write(deed)
        self.ids |= {"messages": accepted.message_id, "sender": sender, "recipient": self.far,
                     "search": accepted.message_id, "charge": accepted.message_id}  # fmt: skip

    async def _phones(self, owner: Member) -> None:
        name, account_id = self.name, owner.account_id
        await self.db.write(caller_ids.verify, account_id, self.number, "test", now())
        await add_phone(self.people, owner, name, caller_id=self.number, label=f"Desk of {name}")
        await register(self.db, name, f"Phone of {name}")
        did = f"+1555{self.digit}222001"
        await self.db.write(
            numbers.own, number=did, account_id=account_id, mode=MODE, strategy="all",
            ring_seconds=25, targets=[name], forward_to=self.far, now=now(),
        )  # fmt: skip
        await log_calls(self.db, owner, self.digit, sip_account=name)
        await stored(self.db, self.settings, self.people.vault, owner, 440)
        (row,) = await self.db.all(
            "SELECT call_id FROM recording r JOIN call c ON c.id = r.call_id"
            " WHERE c.account_id = :id", id=account_id,
        )  # fmt: skip
        live = await queued(self.db, owner, self.far, reference=f"call of {name}")
        await answered(self.db, live.call_id)
        self.ids |= {
            "phones": name, "sip_account": name, "targets": name, "numbers": did,
            "owned_number": did,
            "number": self.number, "caller_id": self.number, "calls": row["call_id"],
            "live-calls": live.call_id, "hang-up": live.call_id, "from_": self.number,
        }  # fmt: skip

    async def _webhooks(self, owner: Member) -> None:
        await tell(self.db, owner, f"msg_of_{self.name}", callback_url=f"https://{self.name}.net/")
        await attempt(self.db, f"msg_of_{self.name}", 503)
        row, _ = await self.db.write(
            endpoints.create, self.people.vault, Place(owner.account_id, MODE),
            url=f"https://hooks.example.com/{self.name}", events=list(SAMPLES),
            description=f"Shop of {self.name}", enabled=True, now=now(),
        )  # fmt: skip
        await tell(self.db, owner, f"call_of_{self.name}")
        (event,) = await self.db.all(
            "SELECT id FROM event WHERE subject = :s", s=f"call_of_{self.name}"
        )
        self.ids |= {"webhooks": row["id"], "endpoint": row["id"], "endpoint_id": row["id"],
                     "events": event["id"]}  # fmt: skip


async def rows_of(database: Database, tenant: Tenant) -> Rows:
    """Every row of every table that names the account, somebody in it, or another such row."""
    tables = {table.name: await database.all(f'SELECT * FROM "{table.name}"')
              for table in metadata().sorted_tables}  # fmt: skip
    known = {tenant.member.account_id, tenant.member.user_id, tenant.ids["team"]}
    while True:
        found = {name: [row for row in rows if any(one in str(row) for one in known)]
                 for name, rows in tables.items()}  # fmt: skip
        more = {row["id"] for rows in found.values() for row in rows if "id" in row} - known
        if not more:
            return found
        known |= more


def markers(mine: Rows, others: Rows) -> set[str]:
    """Texts that are in the rows of one tenant alone, as they are kept or shown."""
    texts, known = set(_all(mine)), set(_all(others))
    alone = {text for text in texts - known if len(text) >= SHORT}
    return alone | {phone(text) for text in alone if text.startswith("+")}


def _all(rows: Rows) -> Iterable[str]:
    return (text for table in rows.values() for row in table for text in _texts(row))


def _texts(row: Row) -> list[str]:
    return [value for value in row.values() if isinstance(value, str)]
