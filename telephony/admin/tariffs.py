"""Price lists that administrators carry in, and who buys by them. A file is compared first; what
was compared is kept, sealed, and it is that which is imported afterwards."""

import asyncio
import io
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from db import stored_files
from db.connection import Conn
from db.database import Database
from telephony import audit, files
from telephony.admin.accounts import customer
from telephony.admin.rights import must_administer
from telephony.audit import Actor
from telephony.billing.decks import importer, owners
from telephony.billing.decks.changes import Changes
from telephony.billing.decks.files import BOM
from telephony.billing.decks.importer import Order
from telephony.billing.decks.reader import DeckError, RateRow, read
from telephony.clock import Instant
from telephony.errors import ValidationFailedError
from telephony.files import SealedFile
from telephony.secrets import Vault
from telephony.users.problems import bad
from telephony.users.sessions import Member

BYTES_MAX = 10 * 1024 * 1024
"""Larger lists are imported by the command."""
FAULTS_TOLD = 20


async def compare(
    db: Database, vault: Vault, member: Member, order: Order, content: bytes, now: Instant
) -> tuple[Changes, str]:
    """What an import would change, and the id under which the file is kept for it;
    ValidationFailedError with the faults of the file."""
    must_administer(member, now)
    if len(content) > BYTES_MAX:
        raise bad("file", "invalid", "The file is too large: use the command sms-voip tariff.")
    changes = await _with_file(content, lambda path: importer.dry_run(db, path, order, _silent))
    sealed = await asyncio.to_thread(vault.seal_bytes, content)
    kept = SealedFile("deck.csv", "text/csv", len(content), sealed)
    return changes, await db.write(_keep, kept, member, now)


async def carry_in(
    db: Database, vault: Vault, member: Member, order: Order, file_id: str, now: Instant
) -> Changes:
    """Import the file that was compared; NotFoundError if another one was compared since."""
    must_administer(member, now)
    row = await files.find(db, _subject(member), file_id)
    content = await asyncio.to_thread(vault.open_bytes, row["content_sealed"])
    changes = await _with_file(
        content, lambda path: importer.import_deck(db, path, order, _silent, member.actor)
    )
    await db.write(stored_files.remove, _subject(member))
    return changes


def assign(conn: Conn, actor: Actor, now: Instant, account_id: str, name: str) -> None:
    """Let an account buy by a price list; DeckError for one in another currency."""
    before = customer(conn, account_id)["tariff_id"]
    owners.assign(conn, account_id, name)
    audit.record(conn, actor, "account.price_list_set", account_id, now, account_id=account_id,
                 before={"tariff": before}, after={"price_list": name})  # fmt: skip


def override(
    conn: Conn, actor: Actor, now: Instant, account_id: str, rates: list[RateRow]
) -> None:  # fmt: skip
    """Give an account rates of its own, in place of those that it had."""
    customer(conn, account_id)
    owners.override(conn, account_id, rates)
    audit.record(conn, actor, "account.rates_set", account_id, now, account_id=account_id,
                 after={"rates": len(rates)})  # fmt: skip


def rates_of(content: bytes) -> list[RateRow]:
    """The rates of a small file, which may be none but must have a heading."""
    text = content.decode("utf-8", "surrogateescape").removeprefix(BOM)
    try:
        return read(io.StringIO(text))
    except DeckError as error:
        raise refused(error) from error


def refused(error: DeckError) -> ValidationFailedError:
    """What is wrong with a list, line by line, as the error of the form's file."""
    lines = [f"line {fault.line}: {fault.reason}" for fault in error.faults.first[:FAULTS_TOLD]]
    shown = ("".join(one if one.isprintable() else "?" for one in line)
             for line in (str(error), *lines))  # fmt: skip
    return bad("file", "invalid", "\n".join(shown))


async def _with_file(content: bytes, work: Callable[[Path], Awaitable[Changes]]) -> Changes:
    with tempfile.TemporaryDirectory(prefix="deck-") as folder:
        path = Path(folder) / "deck.csv"
        await asyncio.to_thread(path.write_bytes, content)
        try:
            return await work(path)
        except DeckError as error:
            raise refused(error) from error


def _keep(conn: Conn, kept: SealedFile, member: Member, now: Instant) -> str:
    stored_files.remove(conn, _subject(member))
    return files.keep(conn, kept, _subject(member), None, now)


def _subject(member: Member) -> str:
    return f"deck:{member.user_id}"


def _silent(_: int) -> None:
    """Nobody looks at the progress of what takes seconds."""
