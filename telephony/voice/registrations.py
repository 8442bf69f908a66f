"""Which phones are registered, since when and from where. Asterisk tells that a phone gave its
secret; what is registered as that account is then asked for, and again when it should expire."""

import asyncio
import json
import logging
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from db import sip_contacts
from db.connection import Conn, Row
from db.database import Database
from telephony.clock import SECOND, Instant, now
from telephony.queue import Kick, repeat
from telephony.voice.ami import AmiEvent, AmiLink, Connected, DBGet, Resync
from telephony.voice.ami.listing import AstDbReader
from telephony.voice.astdb import CONTACTS, contact_keys
from telephony.webhooks.events import emit

EVERY_SECONDS = 1.0
SETTLE_SECONDS = 0.2
"""The phone is let in a moment before it is registered; and many come together."""
COMPARE_SECONDS = 60.0
COST_MAX = 1 / 200
"""Part of the time that comparing all of them may take."""
BATCH_MAX = 200
LOOKUPS_MAX = 20
"""Questions to the PBX at once."""
USER_AGENT_CHARS_MAX = 255
_ADDRESS = re.compile(r"[^@;>]*@?([^;>]+)")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Contact:
    """Where a phone is reached; equal if the same phone is still registered as it was."""

    uri: str
    user_agent: str
    expires_at: Instant

    @property
    def address(self) -> str:
        """Host and port."""
        found = _ADDRESS.match(self.uri.partition(":")[2])
        return found[1] if found else ""


Seen = dict[str, list[Contact]]


class Registrations:
    """Serves one PBX node through its `provisioning` link."""

    def __init__(self, db: Database, link: AmiLink, reader: AstDbReader, node: str) -> None:
        self._db = db
        self._link = link
        self._reader = reader
        self._node = node
        self._look = Kick()
        self._heard: set[str] = set()
        self._doubtful: set[str] = set()
        self._compare_at = 0.0
        self._slots = asyncio.Semaphore(LOOKUPS_MAX)

    async def run(self) -> None:
        """Work until cancelled."""
        await repeat("registrations", self._look, self.step, EVERY_SECONDS)

    def hear(self, event: AmiEvent) -> None:
        """Take what the link tells; never blocks."""
        if isinstance(event, Connected | Resync):
            self._compare_at = 0.0
            self._look.kick()
        elif event.name == "SuccessfulAuth":
            self.look_at([event.fields.get("accountid", "")])

    def look_at(self, names: Iterable[str]) -> None:
        """Something may have changed for these phones."""
        self._heard.update(names)
        self._look.kick()

    async def step(self) -> int:
        """Ask for the phones that were heard of, and for those that should have been; 0."""
        await asyncio.sleep(SETTLE_SECONDS)
        if not self._link.ready:
            return 0
        if time.monotonic() >= self._compare_at:
            await self._compare()
        names = self._heard | self._doubtful
        first, self._heard, self._doubtful = self._heard, set(), set()
        names |= set(await sip_contacts.expired(self._db, self._node, now(), BATCH_MAX))
        changed = await self._ask(sorted(names))
        # One that only called looks like one whose registration is not stored yet.
        self._doubtful |= first - changed
        return 0

    async def _ask(self, names: list[str]) -> set[str]:
        changed: set[str] = set()
        for start in range(0, len(names), BATCH_MAX):
            batch = names[start : start + BATCH_MAX]
            found = await asyncio.gather(*map(self._contacts, batch))
            seen = dict(zip(batch, found, strict=True))
            changed |= await self._db.write(observe, self._node, seen, now())
        return changed

    async def _contacts(self, name: str) -> list[Contact]:
        async with self._slots:
            keys = await contact_keys(self._link, name)
            rows = [row for key in keys for row in await self._link.action(DBGet(CONTACTS, key))]
        return [_contact(json.loads(row.fields["val"])) for row in rows]

    async def _compare(self) -> None:
        """Find phones that differ from what is noted; whoever does is asked for like any other."""
        began = time.monotonic()
        found = await asyncio.to_thread(lambda: dict(self._listed()))
        after = ""
        while rows := await sip_contacts.batch(self._db, self._node, after, BATCH_MAX):
            noted: dict[str, set[str]] = {}
            for row in rows:
                noted.setdefault(row["username"], set()).add(row["uri"])
            differ = [name for name, uris in noted.items() if found.pop(name, None) != uris]
            self._heard.update(differ)
            after = rows[-1]["sip_account_id"]
        self._heard.update(found)
        took = time.monotonic() - began
        self._compare_at = began + max(COMPARE_SECONDS, took / COST_MAX)

    def _listed(self) -> Iterator[tuple[str, set[str]]]:
        listed: dict[str, set[str]] = {}
        for key, value in self._reader.rows(CONTACTS):
            with suppress(ValueError):
                fields = json.loads(value)
                listed.setdefault(key.rpartition(";@")[0], set()).add(fields.get("uri", ""))
        yield from listed.items()


def _contact(fields: dict[str, str]) -> Contact:
    expires = fields.get("expiration_time", "")
    seconds = int(expires) if expires.isdigit() else 0
    agent = fields.get("user_agent", "")[:USER_AGENT_CHARS_MAX]
    return Contact(fields.get("uri", ""), agent, seconds * SECOND)


def observe(conn: Conn, node: str, seen: Seen, at: Instant) -> set[str]:
    """Note which phones are registered on the node, and tell of every SIP account that became
    registered or ceased to be; the user names for which anything is new."""
    changed = set()
    accounts = sip_contacts.accounts(conn, list(seen))
    noted: dict[str, list[Row]] = {account["id"]: [] for account in accounts}
    for row in sip_contacts.of_accounts(conn, list(noted)):
        noted[row["sip_account_id"]].append(row)
    for account in accounts:
        here = {one.uri: one for one in seen[account["username"]] if one.expires_at > at}
        if _note(conn, account, node, noted[account["id"]], here, at):
            changed.add(account["username"])
    return changed


def _note(
    conn: Conn, account: Row, node: str, noted: list[Row], here: dict[str, Contact], at: Instant
) -> bool:
    mine = {row["uri"]: row for row in noted if row["node"] == node}
    gone = [row for uri, row in mine.items() if uri not in here]
    news = [one for uri, one in here.items() if uri not in mine or _moved(mine[uri], one)]
    for row in gone:
        sip_contacts.remove(conn, account["id"], node, row["uri"])
    for one in news:
        sip_contacts.put(
            conn, sip_account_id=account["id"], node=node, uri=one.uri, address=one.address,
            user_agent=one.user_agent, registered_at=at, expires_at=one.expires_at,
        )  # fmt: skip
    left = len(noted) - len(gone)
    if not noted and news:
        _tell(conn, account, True, news[0].user_agent, news[0].address, at)
    elif noted and not left and not news:
        _tell(conn, account, False, gone[-1]["user_agent"], gone[-1]["address"], at)
    return bool(gone or news)


def _moved(row: Row, one: Contact) -> bool:
    return (row["user_agent"], row["expires_at"]) != (one.user_agent, one.expires_at)


def _tell(
    conn: Conn, account: Row, registered: bool, user_agent: str, address: str, at: Instant
) -> None:
    payload = {
        "sip_account": account["username"], "registered": registered, "user_agent": user_agent,
        "address": address,
    }  # fmt: skip
    emit(
        conn, account_id=account["account_id"], mode=account["dial_mode"],
        kind="sip_registration", subject=account["id"], fact=f"{registered}:{at}",
        callback_url=None, payload=payload, now=at,
    )  # fmt: skip
