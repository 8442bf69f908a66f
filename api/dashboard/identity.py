"""The identity check: who the account is, with documents, and what came of it."""

import asyncio
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field
from starlette.datastructures import UploadFile
from starlette.responses import Response

from api.dashboard.viewer import go, member
from api.fields import Body
from api.web.page import Facts, PageContext, Pages
from db import identity, stored_files
from telephony import files
from telephony.files import BYTES_MAX, SealedFile
from telephony.users import identity as deeds
from telephony.users.roles import Right, having

page = Pages()
HERE = "/dashboard/identity"
SHOWN = 5
FORM_BYTES_MAX = deeds.DOCUMENTS_MAX * BYTES_MAX + 64 * 1024

Written = Annotated[str, Field(max_length=4_000)]
Chosen = Annotated[
    UploadFile | None,
    BeforeValidator(lambda given: given if getattr(given, "filename", "") else None),
]
"""None where no file was chosen."""


class IdentityForm(Body):
    """What is told, and the documents."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    kind: Written
    legal_name: Written
    registration: Written = ""
    country: Written
    address: Written
    website: Written = ""
    purpose: Written
    document: Chosen = None
    second_document: Chosen = None


async def _identity(context: PageContext) -> Facts:
    me = member(context)
    checks = await identity.last_of(context.db, me.account_id, SHOWN)
    documents = await stored_files.of(context.db, checks[0]["id"]) if checks else []
    waits = bool(checks) and checks[0]["status"] == identity.CheckStatus.submitted
    return {"checks": checks, "documents": documents, "kinds": deeds.KINDS,
            "open": not me.live and not waits, "manages": Right.manage in me.rights}  # fmt: skip


@page("GET", HERE, roles=having(Right.look), template="dashboard/identity.html")
async def show_identity(context: PageContext, _: None) -> Facts:
    """How the check stands, and its form."""
    return await _identity(context)


@page("POST", HERE, roles=having(Right.manage), takes=IdentityForm, bytes_max=FORM_BYTES_MAX,
      template="dashboard/identity.html", again=_identity)  # fmt: skip
async def submit_identity(context: PageContext, given: IdentityForm) -> Response:
    """Hand the check in."""
    told = given.model_dump(exclude={"document", "second_document"})
    deeds.checked(told)  # before files are sealed, which costs more
    chosen = {"document": given.document, "second_document": given.second_document}
    documents = [
        await _sealed(context, name, file) for name, file in chosen.items() if file is not None
    ]
    await context.db.write(
        deeds.submit, member(context), context.vault, told, documents, context.now
    )
    return go(HERE)


async def _sealed(context: PageContext, field: str, file: UploadFile) -> SealedFile:
    content = await file.read()
    return await asyncio.to_thread(
        files.sealed, context.vault, field, file.filename or "", content
    )  # fmt: skip
