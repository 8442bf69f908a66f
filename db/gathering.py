"""One transaction for all who want the same at the same time."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from db.connection import Conn
from db.database import JOBS_WAITING_MAX, Database, DatabaseBusyError, DatabaseError

Item = TypeVar("Item")
Result = TypeVar("Result")

TOGETHER_MAX = 64


@dataclass(slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    future: asyncio.Future[Result]

    def settle(self, result: Result | Exception) -> None:
        if self.future.done():
            return
        if isinstance(result, Exception):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)


class Gathering(Generic[Item, Result]):
    """Runs `deed(conn, items)` with what has come while the transaction before was under way.
    The deed gives a result or an exception for each item; it leaves nothing of what it refuses."""

    def __init__(
        self, db: Database, deed: Callable[[Conn, Sequence[Item]], Sequence[Result | Exception]]
    ) -> None:
        self._db = db
        self._deed = deed
        self._waiting: list[_Waiting[Item, Result]] = []
        self._task: asyncio.Task[None] | None = None

    async def write(self, item: Item) -> Result:
        """The result after the commit, or the exception that the deed has for the item."""
        if len(self._waiting) >= JOBS_WAITING_MAX:
            raise DatabaseBusyError(f"{JOBS_WAITING_MAX} are waiting already")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(item, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        while some := self._waiting[:TOGETHER_MAX]:
            del self._waiting[:TOGETHER_MAX]
            await self._settle(some)
        self._task = None

    async def _settle(self, some: list[_Waiting[Item, Result]]) -> None:
        try:
            results = await self._db.write(self._deed, [one.item for one in some])
        except Exception as error:
            if len(some) > 1 and not isinstance(error, DatabaseError):
                for one in some:  # one that nobody foresaw must not cost the others
                    await self._settle([one])
                return
            results = [error] * len(some)
        for one, result in zip(some, results, strict=True):
            one.settle(result)
