"""What a customer's messages show and answer by themselves, as its members set it, too."""

from starlette.responses import Response

from api.admin.accounts import ONE, account_of, where
from api.admin.acting import ADMINS, LOOKERS, act, acts
from api.dashboard.replies import ReplyForm, replies_of
from api.dashboard.senders import SenderForm
from api.dashboard.viewer import go
from api.fields import NumberIfAny
from api.web.page import Facts, PageContext, Pages
from db import sms_accounts
from telephony.admin import texting as deeds

page = Pages()
HERE = f"{ONE}/texting"


class AnyReplyForm(ReplyForm):
    """The number is written by hand, since an account may have thousands."""

    owned_number: NumberIfAny = ""


async def _texting(context: PageContext) -> Facts:
    row = await account_of(context)
    return {
        "account": row, "acts": acts(context), **await replies_of(context, row["id"]),
        "default": await sms_accounts.default_sender(context.db, row["id"]),
    }  # fmt: skip


@page("GET", HERE, roles=LOOKERS, template="admin/texting.html")
async def show_texting(context: PageContext, _: None) -> Facts:
    """The default sender, and every answer that is set."""
    return await _texting(context)


@page("POST", f"{HERE}/default", roles=ADMINS, confirm=True, takes=SenderForm,
      template="admin/texting.html", again=_texting)  # fmt: skip
async def set_customers_sender(context: PageContext, given: SenderForm) -> Response:
    """What messages show that name no sender."""
    await act(context, deeds.set_default, context.path["id"], given.sender.strip())
    return go(f"{where(context)}/texting")


@page("POST", f"{HERE}/reply", roles=ADMINS, confirm=True, takes=AnyReplyForm,
      template="admin/texting.html", again=_texting)  # fmt: skip
async def set_customers_reply(context: PageContext, given: AnyReplyForm) -> Response:
    """Answer so from now on, or not at all."""
    await act(context, deeds.set_reply, context.path["id"], given.owned_number, given.keyword,
              given.text.strip())  # fmt: skip
    return go(f"{where(context)}/texting")
