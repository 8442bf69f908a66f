"""The first of the administrators' pages."""

from api.web.page import Facts, PageContext, Pages
from telephony.users.roles import PLATFORM

page = Pages()


@page("GET", "/admin", roles=PLATFORM, template="admin/home.html")
async def home(context: PageContext, _: None) -> Facts:
    """What needs an administrator."""
    return {}
