"""SIP accounts: what a phone registers with, and what it may do."""

from typing import Annotated, Any, Literal

from pydantic import Field

from api.endpoint import Context, Endpoints
from api.fields import Answer, Body, Time
from api.v1.applied import wait_applied
from api.v1.sip_account_forms import SipAccountBody, SipAccountOptions, Transport
from db import caller_ids, sip
from db.connection import Row
from db.database import Database
from telephony.errors import CallerIdNotAllowedError, NotFoundError, SipAccountExistsError
from telephony.settings import Settings
from telephony.voice import sip_accounts
from telephony.voice.sip_rules import networks

endpoint = Endpoints()

PAGE_MAX = 100
PAGE_DEFAULT = 25
OFFSET_MAX = 1_000_000_000
LISTS = ("codecs", "transports", "cidrs")


class SipAccountQuery(Body):
    """Filters of the list; `search` is a part of any name or number."""

    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    offset: Annotated[int, Field(ge=0, le=OFFSET_MAX)] = 0
    cursor: Annotated[str, Field(max_length=64)] | None = None
    search: Annotated[str, Field(max_length=64)] | None = None


class Contact(Answer):
    """A phone that is registered; `address` is where it is reached."""

    uri: str
    user_agent: str
    address: str
    registered_at: Time
    expires_at: Time | None
    node: str


class SipAccount(Answer):
    """A SIP account. `mode` is that of the calls which the phone dials; `applied` once every PBX
    node knows its newest state."""

    id: str
    username: str
    label: str
    mode: Literal["live", "test"]
    status: Literal["active", "suspended"]
    caller_id: str
    short_number: str | None
    codecs: list[str]
    transports: list[str]
    media: Literal["rtp", "srtp", "webrtc"]
    max_contacts: int
    nat: bool
    cidrs: list[str]
    record: Literal["", "outbound", "inbound", "all"]
    created_at: Time
    registered: bool = False
    contacts: list[Contact] = Field(default=[])
    applied: bool = False
    nodes: str = ""


class Way(Answer):
    """An address of the server."""

    transport: Transport
    address: Annotated[str, Field(examples=["sip.example.com:5060"])]


class Created(SipAccount):
    """`sip_password` only if it was generated, and only in this response."""

    server: str
    realm: str
    ways: list[Way]
    sip_password: str | None = None


class SipAccountPage(Answer):
    """One page of the SIP accounts, newest first."""

    data: list[SipAccount]
    total: int
    limit: int
    offset: int
    next_cursor: str | None


class Deleted(Answer):
    """`applied` once every PBX node has forgotten it; then its name is free again."""

    id: str
    username: str
    deleted: Literal[True] = True
    applied: bool = False
    nodes: str = ""


async def _when_applied(context: Context, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """The account as every PBX node has it: 200 or 201, or 202 after 2 s."""
    done, nodes = await wait_applied(context, body["username"])
    applied = nodes > 0 and done == nodes
    row = await sip.find(context.db, context.me.account_id, body["id"])
    if row:
        (state,) = await sip.with_state(context.db, [row])
        body |= SipAccount(**_facts(state)).model_dump(mode="json", by_alias=True)
    if body.get("sip_password", "") is None:
        del body["sip_password"]
    status = 201 if "server" in body else 200
    return (status if applied else 202), body


async def _when_forgotten(context: Context, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    done, nodes = await wait_applied(context, body["username"])
    return (200 if done == nodes else 202), body | {
        "applied": done == nodes, "nodes": f"{done}/{nodes}",
    }  # fmt: skip


@endpoint("GET", "/voip/accounts", scope="voip:read", takes=SipAccountQuery, returns=SipAccountPage)
async def sip_account_list(context: Context, query: SipAccountQuery) -> SipAccountPage:
    """List the SIP accounts, each with the phones that are registered."""
    return await listed(context.db, context.me.account_id, query)


async def listed(db: Database, account_id: str, query: SipAccountQuery) -> SipAccountPage:
    """One page of the SIP accounts of an account."""
    found = await sip.page(
        db, account_id, limit=query.limit + 1, offset=query.offset, cursor=query.cursor,
        search=query.search,
    )  # fmt: skip
    rows = found[: query.limit]
    return SipAccountPage(
        data=[SipAccount(**_facts(row)) for row in await sip.with_state(db, rows)],
        total=await sip.found(db, account_id, query.search), limit=query.limit,
        offset=query.offset, next_cursor=rows[-1]["id"] if len(found) > len(rows) else None,
    )  # fmt: skip


@endpoint(
    "POST", "/voip/accounts", scope="voip:manage", takes=SipAccountBody, returns=Created,
    status=201, errors=(CallerIdNotAllowedError, SipAccountExistsError), then=_when_applied,
)  # fmt: skip
def create_sip_account(context: Context, body: SipAccountBody) -> Created:
    """Create a SIP account; a name and a secret are made where none is given."""
    conn, me, settings = context.conn, context.me, context.settings
    given = body.sip_password  # an empty one is false, and must be refused
    secret = sip_accounts.new_secret() if given is None else given.get_secret_value()
    facts = columns_of(body) | {"caller_id": _caller_id(context, body)}
    sip_id = sip_accounts.create(
        conn, context.vault, settings.realm, account_id=me.account_id, secret=secret,
        username=sip_accounts.new_username() if body.username is None else body.username,
        dial_mode=me.mode, now=context.now, **facts,
    )  # fmt: skip
    row = sip_accounts.pick(conn, me.account_id, sip_id)
    return Created(
        **_facts(row), server=f"{settings.sip_host}:{settings.sip_port}",
        realm=settings.realm, ways=ways_of(settings),
        sip_password=secret if given is None else None,
    )  # fmt: skip


@endpoint(
    "GET", "/voip/accounts/{id}", scope="voip:read", returns=SipAccount, errors=(NotFoundError,)
)
async def read_sip_account(context: Context, _: None) -> SipAccount:
    """Read a SIP account and the phones that are registered; its username serves as id, too."""
    return await read(context.db, context.me.account_id, context.path["id"])


async def read(db: Database, account_id: str, name: str) -> SipAccount:
    """A SIP account of an account, by its id or username, with its phones; NotFoundError."""
    row = await sip.find(db, account_id, name)
    if row is None:
        raise NotFoundError
    (state,) = await sip.with_state(db, [row])
    return SipAccount(**_facts(state))


@endpoint(
    "PATCH", "/voip/accounts/{id}", scope="voip:manage", takes=SipAccountOptions,
    returns=SipAccount, then=_when_applied,
    errors=(CallerIdNotAllowedError, NotFoundError, SipAccountExistsError),
)  # fmt: skip
def change_sip_account(context: Context, body: SipAccountOptions) -> SipAccount:
    """Change a SIP account; what is not given stays as it is. A suspended one loses its calls."""
    row = sip_accounts.change(
        context.conn, context.me.account_id, context.path["id"], columns_of(body), context.now
    )
    return SipAccount(**_facts(row))


@endpoint(
    "DELETE", "/voip/accounts/{id}", scope="voip:manage", returns=Deleted,
    errors=(NotFoundError,), then=_when_forgotten,
)  # fmt: skip
def delete_sip_account(context: Context, _: None) -> Deleted:
    """Delete a SIP account: its phones are thrown off, and its calls end."""
    row = sip_accounts.delete(context.conn, context.me.account_id, context.path["id"], context.now)
    return Deleted(id=row["id"], username=row["username"])


def columns_of(body: SipAccountOptions) -> dict[str, Any]:
    """The options that were given, as they are stored."""
    given = body.model_fields_set & set(SipAccountOptions.model_fields)
    columns = {name: getattr(body, name) for name in given}
    for name in ("codecs", "transports"):
        if name in columns:
            columns[name] = ",".join(dict.fromkeys(columns[name]))
    if "cidrs" in columns:
        columns["cidrs"] = networks(columns["cidrs"])
    return columns


def _caller_id(context: Context, body: SipAccountBody) -> str:
    account_id = context.me.account_id
    if "caller_id" in body.model_fields_set:
        return sip_accounts.may_show(context.conn, account_id, body.caller_id)
    return caller_ids.first(context.conn, account_id) or ""


def _facts(row: Row) -> dict[str, Any]:
    """The fields of a SIP account; `row` may have its state beside it."""
    facts = {name: row[name] for name in SipAccount.model_fields if name in row}
    facts |= {name: row[name].split(",") if row[name] else [] for name in LISTS}
    facts |= {"mode": row["dial_mode"]}
    if "contacts" in row:
        done, nodes = row["done"], row["nodes"]
        facts |= {"applied": done == nodes > 0, "nodes": f"{done}/{nodes}"}
        facts |= {"registered": bool(row["contacts"])}
    return facts


def ways_of(settings: Settings) -> list[Way]:
    """Where phones reach the server."""
    ports: dict[Transport, int] = {
        "udp": settings.sip_port, "tcp": settings.sip_port, "tls": settings.sips_port,
        "wss": settings.wss_port,
    }  # fmt: skip
    return [
        Way(transport=transport, address=f"{settings.sip_host}:{port}")
        for transport, port in ports.items()
    ]
