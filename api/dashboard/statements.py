"""The statement of an account, as its members and the platform's administrators read it: filters
in the URL, pages, CSV."""

from functools import partial
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.responses import Response

from api.dashboard.lists import Filters, as_csv, shown_query
from api.fields import Moment, Until
from api.v1.wallet import Transaction, line
from api.web.page import Facts, PageContext
from telephony.billing import statement

LINES = 50
KINDS = ("fund", "sip_topup", "charge", "refund", "adjust")


class StatementQuery(Filters):
    """Filters of the statement, as they stand in the URL."""

    wallet: Literal["wallet", "sip"] | None = None
    kind: Literal["fund", "sip_topup", "charge", "refund", "adjust"] | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    to: Until | None = None
    cursor: Annotated[str, Field(pattern=statement.CURSOR)] | None = None

    def filters(self) -> dict[str, Any]:
        """As the statement takes them."""
        return {"wallet": self.wallet, "kind": self.kind, "since": self.from_, "until": self.to}


async def listed(context: PageContext, account_id: str, mode: str, given: StatementQuery) -> Facts:
    """A page of it, newest first."""
    lines = await statement.page(
        context.db, account_id, mode, limit=LINES + 1, cursor=given.cursor, **given.filters()
    )
    return {
        "lines": lines[:LINES], "kinds": KINDS, "query": shown_query(context, mode),
        "next_cursor": statement.cursor_of(lines[LINES - 1]) if len(lines) > LINES else None,
        "at_first": given.cursor is None,
    }  # fmt: skip


def as_file(
    context: PageContext, account_id: str, mode: str, currency: str, given: StatementQuery
) -> Response:
    """All that the filters find, as CSV."""
    found = statement.pages(context.db, account_id, mode, **given.filters())
    return as_csv(f"statement-{mode}.csv", Transaction, found, partial(line, currency=currency))
