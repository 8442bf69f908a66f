"""What everybody did: the audit log of the platform, and whether it is whole."""

from typing import Annotated

from pydantic import Field
from starlette.responses import Response

from api.admin.acting import ADMINS, account_named
from api.dashboard import audit as log
from api.web.page import Facts, PageContext, Pages
from telephony import audit
from telephony.users.roles import PLATFORM

page = Pages()
HERE = "/admin/audit"
NOBODY = "nobody"
"""The id of no account."""
VERIFIED_MAX = 20_000
"""So many of the newest links are recomputed while somebody waits; the command does all."""


class PlatformQuery(log.AuditQuery):
    """The same of one account, by its id or whole name."""

    account: Annotated[str, Field(max_length=200)] | None = None

    async def account_id(self, context: PageContext) -> str | None:
        """None: all of them."""
        if self.account is None:
            return None
        return await account_named(context, self.account.strip()) or NOBODY


async def _entries(context: PageContext, given: PlatformQuery) -> Facts:
    found = await log.listed(context, given, await given.account_id(context))
    return found | {"proof": None}


@page("GET", HERE, roles=PLATFORM, template="admin/audit.html", takes=PlatformQuery)
async def show_platform_audit(context: PageContext, given: PlatformQuery) -> Facts:
    """The newest entries first."""
    return await _entries(context, given)


@page("GET", f"{HERE}.csv", roles=PLATFORM, takes=PlatformQuery)
async def platform_audit_csv(context: PageContext, given: PlatformQuery) -> Response:
    """The same as a file."""
    return log.as_file(context, given, await given.account_id(context))


@page("POST", f"{HERE}/verify", roles=ADMINS, template="admin/audit.html")
async def verify_audit(context: PageContext, _: None) -> Facts:
    """Recompute the chain and tell where it breaks."""
    count, broken = await audit.verify(context.db, VERIFIED_MAX)
    proof = {"count": count, "broken": broken, "looked": min(count, VERIFIED_MAX)}
    return {**await _entries(context, PlatformQuery()), "proof": proof}
