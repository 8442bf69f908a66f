"""The first page after signing in."""

from starlette.responses import Response

from api.dashboard.viewer import go, member
from api.web.page import Facts, PageContext, Pages
from db import users
from telephony.billing import statement
from telephony.users.roles import USER

page = Pages()


@page("GET", "/dashboard", roles=(USER,), template="dashboard/home.html")
async def home(context: PageContext, _: None) -> Facts | Response:
    """Balances, and what to do next."""
    me = member(context)
    if not me.account_id and me.platform_role:
        return go("/admin")
    return {
        "accounts": await users.accounts_of(context.db, me.user_id),
        "test": await statement.wallets(context.db, me.account_id, "test"),
        "live": await statement.wallets(context.db, me.account_id, "live"),
    }
