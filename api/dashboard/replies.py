"""What answers a keyword (STOP, START, HELP) that somebody sends to the account."""

from pydantic import Field
from starlette.responses import Response

from api.dashboard.messages import BUILDERS, LOOKERS
from api.dashboard.messages import HERE as MESSAGES
from api.dashboard.offered import own_numbers
from api.dashboard.viewer import go, member
from api.fields import Body
from api.web.page import Facts, PageContext, Pages
from db import sms_replies
from telephony.sms.keywords import BY_LANGUAGE, Keyword
from telephony.sms.replies import TEXT_CHARACTERS_MAX
from telephony.users import texting
from telephony.users.roles import Right

page = Pages()
HERE = f"{MESSAGES}/replies"


class ReplyForm(Body):
    """Which keyword, to which number (empty: to any), and the text; empty: no answer."""

    owned_number: str = Field("", max_length=16)
    keyword: Keyword
    text: str = Field("", max_length=2_000)


async def replies_of(context: PageContext, account_id: str) -> Facts:
    """The texts that an account has set, and what the form for one says."""
    return {
        "replies": await sms_replies.texts_of(context.db, account_id),
        "keywords": [(str(one), BY_LANGUAGE["en"][one][0]) for one in Keyword],
        "most": TEXT_CHARACTERS_MAX,
    }


async def _replies(context: PageContext) -> Facts:
    me = member(context)
    numbers, more = await own_numbers(context)
    return {
        **await replies_of(context, me.account_id), "builds": Right.build in me.rights,
        "numbers": numbers, "more": more,
    }  # fmt: skip


@page("GET", HERE, roles=LOOKERS, template="dashboard/replies.html")
async def show_replies(context: PageContext, _: None) -> Facts:
    """The texts that are set, and a form for one."""
    return await _replies(context)


@page("POST", HERE, roles=BUILDERS, takes=ReplyForm, template="dashboard/replies.html",
      again=_replies)  # fmt: skip
async def set_reply(context: PageContext, given: ReplyForm) -> Response:
    """Answer so from now on, or not at all."""
    await context.db.write(
        texting.choose_reply, member(context), given.owned_number, given.keyword,
        given.text.strip(), context.now,
    )  # fmt: skip
    return go(HERE)
