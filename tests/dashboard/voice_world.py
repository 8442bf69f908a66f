"""What the pages of phones and calls show in tests: an owner with money, phones, calls."""

from typing import Any

from db import call_queue, caller_ids, calls
from db.calls import CallStatus
from db.connection import Conn, Row
from db.database import Database
from db.ids import new_id
from telephony.billing import wallets
from telephony.clock import SECOND, Instant, now
from telephony.money import MICROS
from telephony.settings import Settings
from telephony.users.sessions import Member
from telephony.voice import registrations, settle, sip_accounts
from telephony.voice.place import Placed, Wish, place
from telephony.voice.registrations import Contact
from tests.api.test_logs import ended
from tests.factories import Customer
from tests.users.world import People

ADA, BOB = "ada@example.com", "bob@example.com"
NUMBER, OTHER_NUMBER, TO = "+15550111222", "+15550111333", "+15559876543"
SECRET = "a phone's first secret"
HOSTILE = "<script>alert('x')</script>"


async def owner_of(people: People, email: str = ADA, company: str = "Engines") -> Member:
    """Somebody who may have live calls, too, with 50 USD for calls in each mode, and a verified
    number."""
    member = await people.owner(email, company)

    def furnish(conn: Conn) -> None:
        at, account_id = now(), member.account_id
        conn.run("UPDATE account SET kyc_approved_at = :at WHERE id = :id", at=at, id=account_id)
        caller_ids.verify(conn, account_id, NUMBER, "test", at)
        for mode in ("live", "test"):
            wallets.fund(
                conn, account_id, mode, 50 * MICROS, reference=f"{account_id}:{mode}",
                actor="test", now=at,
            )  # fmt: skip
            wallets.top_up_sip(
                conn, account_id, mode, 50 * MICROS, reference=f"{account_id}:{mode}:sip",
                actor="test", now=at,
            )  # fmt: skip

    await people.database.write(furnish)
    return await people.enter(member.user_id)


async def add_phone(people: People, member: Member, username: str, **facts: Any) -> Row:
    """A SIP account of the member's account; its row."""

    def deed(conn: Conn) -> Row:
        sip_id = sip_accounts.create(
            conn, people.vault, Settings().realm, account_id=member.account_id, secret=SECRET,
            username=username, now=now(), **{"dial_mode": "test", "caller_id": NUMBER, **facts},
        )  # fmt: skip
        return sip_accounts.pick(conn, member.account_id, sip_id)

    return await people.database.write(deed)


async def register(database: Database, username: str, *agents: str) -> None:
    """Phones of these user agents are registered as the SIP account, and no others."""
    expires = (now() // SECOND + 300) * SECOND
    seen = [Contact(f"sip:{username}@198.51.100.{at}:5062", agent, expires)
            for at, agent in enumerate(agents, 1)]  # fmt: skip
    await database.write(registrations.observe, "pbx1", {username: seen}, now())


async def log_calls(database: Database, member: Member, *numbers: int, **facts: Any) -> None:
    """Ended calls, one an hour, as `tests.api.test_logs` makes them."""
    who = Customer(member.account_id, facts.pop("mode", "test"), "", "")

    def deed(conn: Conn) -> None:
        for number in numbers:
            row = ended(number, who, **facts)
            calls.add(conn, **row | {"channel_id": new_id("ch")})

    await database.write(deed)


async def queued(database: Database, member: Member, to: str = TO, **wish: Any) -> Placed:
    """A call of the account that waits for its turn, in test mode."""
    return await database.write(
        place, Settings(), account_id=member.account_id, mode="test", key_id=None,
        wish=Wish(to=to, **wish), now=now(),
    )  # fmt: skip


async def answered(database: Database, call_id: str, seconds: int = 90) -> Instant:
    """It was dialled, rang and was answered so long ago; when."""
    at = now() - seconds * SECOND

    def deed(conn: Conn) -> None:
        conn.run("UPDATE call SET due_at = :at, created_at = :at WHERE id = :id", at=at, id=call_id)
        conn.run("UPDATE call_moment SET at = :at WHERE call_id = :id", at=at, id=call_id)
        call_queue.claim(conn, "pbx1", at, 10)
        settle.answered(conn, calls.locked(conn, call_id), at + SECOND)

    await database.write(deed)
    return at


async def finished(database: Database, call_id: str, cause: str = "normal_clearing") -> None:
    """It ends now."""

    def deed(conn: Conn) -> None:
        call = calls.locked(conn, call_id)
        settle.finish(conn, call, settle.End(CallStatus.completed, cause, now(),
                                             call["answered_at"], 200))  # fmt: skip

    await database.write(deed)


async def statuses(database: Database) -> list[str]:
    """Of all calls, oldest first."""
    return [row["status"] for row in await database.all("SELECT status FROM call ORDER BY id")]
