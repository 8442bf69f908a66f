"""What everybody did: the audit log of the platform, and whether it is whole."""

from typing import Annotated

from pydantic import Field

from api.admin.acts import ADMINS
from api.dashboard.lists import Filters
from api.web.page import Facts, PageContext, Pages
from db import audit_log
from telephony import audit
from telephony.users.roles import PLATFORM

page = Pages()
HERE = "/admin/audit"
ENTRIES = 50
FIRST = 2**62
VERIFIED_MAX = 20_000
"""So many of the newest links are recomputed while somebody waits; the command does all."""


class AuditQuery(Filters):
    """Of one account, about one subject, older than a number."""

    account: Annotated[str, Field(max_length=64)] | None = None
    subject: Annotated[str, Field(max_length=320)] | None = None
    before: Annotated[int, Field(ge=1, le=FIRST)] = FIRST


async def _entries(context: PageContext, given: AuditQuery) -> Facts:
    only = {"account_id": given.account, "subject": given.subject}
    found = await audit_log.newest(
        context.db, given.before, ENTRIES + 1, **{key: text for key, text in only.items() if text}
    )
    older = found[ENTRIES - 1]["seq"] if len(found) > ENTRIES else None
    return {"entries": found[:ENTRIES], "older": older, "at_first": given.before == FIRST,
            "given": given, "proof": None}  # fmt: skip


@page("GET", HERE, roles=PLATFORM, template="admin/audit.html", takes=AuditQuery)
async def show_platform_audit(context: PageContext, given: AuditQuery) -> Facts:
    """The newest entries first."""
    return await _entries(context, given)


@page("POST", f"{HERE}/verify", roles=ADMINS, template="admin/audit.html")
async def verify_audit(context: PageContext, _: None) -> Facts:
    """Recompute the chain and tell where it breaks."""
    count, broken = await audit.verify(context.db, VERIFIED_MAX)
    proof = {"count": count, "broken": broken, "looked": min(count, VERIFIED_MAX)}
    return {**await _entries(context, AuditQuery()), "proof": proof}
