"""What the logs over all accounts have in common: filters in the URL, an account by id or name,
pages, CSV."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field
from starlette.responses import Response

from api.admin.acting import account_named
from api.dashboard.lists import Filters, as_csv, shown_query
from api.fields import Moment, Until
from api.v1.call_log import searched
from api.web.page import Facts, PageContext
from db import accounts, all_accounts
from db.lists import Query
from db.search import Listed

PAGE_ROWS = 50
NOBODY = "nobody"
"""The id of no account."""


class LogQuery(Filters):
    """Filters that every log has; `account` is an id or the whole name."""

    mode: Literal["live", "test"] = "live"
    account: Annotated[str, Field(max_length=200)] | None = None
    search: Annotated[str, Field(max_length=64)] | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Until | None = None
    cursor: Annotated[str, Field(max_length=64)] | None = None

    def filters(self) -> dict[str, Any]:
        """As the records take them."""
        return {"search": searched(self.search), "since": self.from_, "until": self.to,
                "cursor": self.cursor}  # fmt: skip


async def found(context: PageContext, listed: Listed, given: LogQuery) -> Facts:
    """A page of the log, with the names of the accounts that are on it."""
    query = await _query(context, listed, given)
    rows, cursor = await all_accounts.look(context.db, query, PAGE_ROWS)
    named = await accounts.names(context.db, {row["account_id"] for row in rows})
    return {
        "rows": rows, "accounts": named, "mode": given.mode,
        "query": shown_query(context, given.mode),
        "next_cursor": cursor or None, "at_first": given.cursor is None,
        "some_unseen": bool(cursor) and len(rows) < PAGE_ROWS,
    }  # fmt: skip


async def as_file(
    context: PageContext, listed: Listed, given: LogQuery, name: str, line: type[BaseModel]
) -> Response:
    """All that the filters find, as CSV."""
    query = await _query(context, listed, given)
    return as_csv(name, line, all_accounts.pages(context.db, query), line.model_validate)


async def _query(context: PageContext, listed: Listed, given: LogQuery) -> Query:
    account_id = None
    if given.account:
        account_id = await account_named(context, given.account.strip()) or NOBODY
    return Query(listed, account_id, given.mode, given.filters())
