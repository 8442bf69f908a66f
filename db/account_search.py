"""Accounts as administrators look for them: by the beginnings of words, an address, an id."""

import re
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import Text
from sqlmodel import Field

from db.accounts import PLATFORM
from db.base import Table
from db.connection import Conn, Reader, Row
from db.ids import last_id

WORDS_MAX = 20
WORD_LENGTH_MAX = 50
ROWS_PER_READ = 500
LAST = "\U0010ffff"
"""Behind a beginning it sorts after all words that begin so, since they are ordered by bytes."""
_BYTES = Text().with_variant(Text(collation="C"), "postgresql")
_NOT_OURS = f"a.id <> '{PLATFORM}' AND a.id < :before"


class AccountWord(Table, table=True):
    """A word of an account's name, folded, so that its beginning is found by an index."""

    __tablename__ = "account_word"

    word: str = Field(primary_key=True, sa_type=_BYTES)
    account_id: str = Field(primary_key=True, foreign_key="account.id")


def words_of(text: str) -> list[str]:
    """`Babbage & Sons` → babbage, sons; each once."""
    found = re.findall(r"\w+", text.casefold())
    return list(dict.fromkeys(word[:WORD_LENGTH_MAX] for word in found))[:WORDS_MAX]


def add_words(conn: Conn, account_id: str, name: str) -> None:
    """Let a new account be found by the words of its name."""
    rows = [{"word": word, "account_id": account_id} for word in words_of(name)]
    if rows:
        conn.insert_all("account_word", rows)


async def page(
    reader: Reader, *, limit: int, search: str = "", status: str | None = None,
    before: str | None = None,
) -> list[Row]:  # fmt: skip
    """Accounts, the newest first, with what is free in their live wallets."""
    where, used = _found(search.strip())
    if status:
        where, used = f"{where} AND a.status = :status", used | {"status": status}
    return await reader.all(
        "SELECT a.*, t.name AS tariff, w.balance - w.held AS wallet, s.balance - s.held AS sip"
        " FROM account a LEFT JOIN tariff t ON t.id = a.tariff_id"
        f" LEFT JOIN {_pot('w', 'wallet')} LEFT JOIN {_pot('s', 'sip')}"
        f" WHERE {_NOT_OURS}{where} ORDER BY a.id DESC LIMIT :limit",
        before=before or last_id("acc"), limit=limit, **used,
    )  # fmt: skip


async def pages(reader: Reader, search: str, status: str | None) -> AsyncIterator[list[Row]]:
    """All that are found, a bounded number at a time."""
    before = None
    while rows := await page(
        reader, limit=ROWS_PER_READ, search=search, status=status, before=before
    ):
        yield rows
        before = rows[-1]["id"]


async def one(reader: Reader, account_id: str) -> Row | None:
    """A customer's account with the name of its price list."""
    return await reader.one(
        "SELECT a.*, t.name AS tariff FROM account a LEFT JOIN tariff t ON t.id = a.tariff_id"
        f" WHERE a.id = :id AND a.id <> '{PLATFORM}'",
        id=account_id,
    )


def _pot(name: str, kind: str) -> str:
    return (
        f"ledger_account {name} ON {name}.account_id = a.id AND {name}.mode = 'live'"
        f" AND {name}.kind = '{kind}'"
    )


def _found(search: str) -> tuple[str, dict[str, Any]]:
    """A condition for what was typed: an id, a member's address, or words of the name."""
    if search.startswith("acc_"):
        return " AND a.id = :exactly", {"exactly": search}
    if search.startswith("key_"):
        key = "SELECT account_id FROM api_key WHERE id = :key_id"
        return f" AND a.id IN ({key})", {"key_id": search}
    if "@" in search:
        members = 'SELECT m.account_id FROM membership m JOIN "user" u ON u.id = m.user_id'
        return f" AND a.id IN ({members} WHERE u.email = :email)", {"email": search.lower()}
    sql, used = "", dict[str, str]()
    for at, word in enumerate(words_of(search)):
        begins = f"word >= :word_{at} AND word < :after_{at}"
        sql += f" AND a.id IN (SELECT account_id FROM account_word WHERE {begins})"
        used |= {f"word_{at}": word, f"after_{at}": word + LAST}
    if search and not used:
        return " AND a.id = ''", {}  # nothing that a name has
    return sql, used
