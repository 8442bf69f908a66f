"""What commands that change something share: one deed beside a running platform, and a sentence
where it is refused."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from api.commands.beside import database
from api.commands.options import console
from db import accounts
from db.connection import Conn, Row
from telephony.errors import Problem

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """What the work returns; a refusal is a sentence and exit status 1."""
    try:
        return asyncio.run(work)
    except (Problem, ValueError) as error:
        console.print(f"Refused: {error}", style="red", markup=False)
        raise SystemExit(1) from error


def write(deed: Callable[[Conn], T]) -> T:
    """Run a deed in a transaction of its own; what it returns."""

    async def work() -> T:
        async with database() as db:
            return await db.write(deed)

    return run(work())


def one_account(conn: Conn, name: str) -> Row:
    """The account of that id or name; ValueError unless there is exactly one."""
    found = accounts.accounts_like(conn, name)
    if len(found) != 1:
        raise ValueError(f"{len(found)} accounts have the id or name {name}")
    return found[0]
