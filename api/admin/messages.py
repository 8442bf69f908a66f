"""The message log over all accounts, and one message. Texts are nobody's business here."""

from typing import Any

from pydantic import BaseModel
from starlette.responses import Response

from api.admin import logs
from api.fields import Money, Time
from api.web.page import Facts, PageContext, Pages
from db import accounts, all_accounts, messages, receipts
from db.messages import MessageStatus
from db.searched import MESSAGES
from telephony.errors import NotFoundError
from telephony.users.roles import PLATFORM

page = Pages()
HERE = "/admin/messages"


class MessageQuery(logs.LogQuery):
    """Filters of the message log."""

    status: MessageStatus | None = None

    def filters(self) -> dict[str, Any]:
        """As the records take them."""
        return super().filters() | {"status": self.status}


class MessageLine(BaseModel):
    """A message in the file."""

    id: str
    account_id: str
    mode: str
    status: str
    from_number: str
    to_number: str
    encoding: str
    segments: int
    cost: Money
    currency: str
    provider: str
    error_code: str | None
    created_at: Time
    sent_at: Time | None
    delivered_at: Time | None
    request_id: str | None


@page("GET", HERE, roles=PLATFORM, template="admin/messages.html", takes=MessageQuery)
async def show_messages(context: PageContext, given: MessageQuery) -> Facts:
    """Messages of all accounts, the newest first."""
    return await logs.found(context, MESSAGES, given) | {"statuses": tuple(MessageStatus)}


@page("GET", f"{HERE}.csv", roles=PLATFORM, takes=MessageQuery)
async def messages_file(context: PageContext, given: MessageQuery) -> Response:
    """The same as a file."""
    return await logs.as_file(context, MESSAGES, given, "messages.csv", MessageLine)


@page("GET", f"{HERE}/{{message_id}}", roles=PLATFORM, template="admin/message.html")
async def show_message(context: PageContext, _: None) -> Facts:
    """One message: its states, its parts, who carried it."""
    row = await all_accounts.one(context.db, MESSAGES, context.path["message_id"])
    if row is None:
        raise NotFoundError("There is no such message.")
    return {
        "message": row, "accounts": await accounts.names(context.db, [row["account_id"]]),
        "moments": await messages.history(context.db, row["id"]),
        "parts": await receipts.parts_of(context.db, row["id"]),
    }  # fmt: skip
