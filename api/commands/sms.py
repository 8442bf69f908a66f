"""`sms-voip provider …`, `sms-voip sms-route …`, `sms-voip sender …`: who carries messages, and
what they may show. They work beside a running platform."""

import asyncio
import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.table import Table

from api.commands.arguments import NONE, Account, Mode, person
from api.commands.beside import database
from api.commands.deeds import one_account
from api.commands.options import console, settings
from db import sms_accounts, sms_providers, sms_replies
from db.connection import Conn
from telephony.admin import providers
from telephony.admin import senders as decide
from telephony.clock import now
from telephony.errors import Problem
from telephony.secrets import Vault, load
from telephony.sms.keywords import Keyword
from telephony.sms.providers import configured
from telephony.sms.trial import try_out
from telephony.users import senders, texting
from telephony.users.mails import Post

T = TypeVar("T")

provider = typer.Typer(help="SMS providers: add, test, disable, remove.", no_args_is_help=True)
sms_route = typer.Typer(help="Which provider carries which messages.", no_args_is_help=True)
sender = typer.Typer(help="Sender ids of accounts.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of the provider.")]
RouteId = Annotated[str, typer.Argument(help="Id of the route.")]
SenderId = Annotated[str, typer.Argument(help="A name or short code.")]


PER_MINUTE_MAX = 1_000_000
PER_SECOND_MAX = 10_000


def _number_up_to(most: int) -> Callable[[str], int | str]:
    def read(text: str) -> int | str:
        if text != NONE and not 0 <= int(text) <= most:
            raise ValueError(f"a number of messages is at most {most}")
        return NONE if text == NONE else int(text)

    return read


PerMinute = Annotated[Any, typer.Option(
    parser=_number_up_to(PER_MINUTE_MAX), metavar="MESSAGES|none",
    help="0: no limit; none: as by the settings.",
)]  # fmt: skip
PerSecond = Annotated[Any, typer.Option(
    parser=_number_up_to(PER_SECOND_MAX), metavar="MESSAGES|none",
    help="The same for how many go out in a second.",
)]  # fmt: skip


@provider.command("add")
def add_provider(
    name: Name,
    kind: Annotated[str, typer.Option(help="smpp, http, or what a package brings.")],
    options: Annotated[str, typer.Option(help="JSON object, or @FILE that holds it.")] = "{}",
) -> None:
    """Add a provider, or replace the one of that name; its options are kept sealed."""
    given = Path(options[1:]).read_text() if options.startswith("@") else options

    def deed(conn: Conn) -> str:
        made = providers.put(
            conn, person(), now(), _vault(), settings(), name, kind, given
        )  # fmt: skip
        return f"{name} carries {', '.join(sorted(made.capabilities.encodings))}."

    console.print(_write(deed), markup=False)


@provider.command("list")
def list_providers() -> None:
    """Show every provider with its options, but for what is secret."""
    table = Table("name", "kind", "options", "encodings", "status")
    vault = _vault()
    for row in _write(sms_providers.active):
        text = json.dumps(configured.shown(row, vault))
        status = "active" if row["enabled"] else "disabled"
        table.add_row(row["name"], row["kind"], text, row["encodings"].replace(",", " "), status)
    console.print(table)


@provider.command("test")
def try_provider(
    name: Name,
    to: Annotated[str, typer.Option(help="Number of the message, E.164.")],
    from_: Annotated[str, typer.Option("--from", help="Its sender.")] = "TEST",
    seconds: Annotated[float, typer.Option(help="How long to wait for each step.")] = 30,
) -> None:
    """Connect, show what it can, send one message and tell what comes of it. Nobody is charged."""
    row = _write(lambda conn: providers.tested(conn, person(), now(), name, to))

    def say(sentence: str) -> None:
        console.print(sentence, markup=False)

    tried = configured.open_row(row, _vault(), settings())
    if not asyncio.run(try_out(tried, to, from_, seconds, say)):
        raise SystemExit(1)


@provider.command("disable")
def disable_provider(name: Name) -> None:
    """Give a provider no new messages; receipts of those that it has still come."""
    _write(lambda conn: providers.set_enabled(conn, person(), now(), name, False))


@provider.command("enable")
def enable_provider(name: Name) -> None:
    """Give a provider messages again."""
    _write(lambda conn: providers.set_enabled(conn, person(), now(), name, True))


@provider.command("remove")
def remove_provider(name: Name) -> None:
    """Remove a provider and its routes; a running platform lets go of it within seconds."""
    _write(lambda conn: providers.remove(conn, person(), now(), name))


@sms_route.command("add")
def add_route(
    name: Name,
    prefix: Annotated[str, typer.Option(help="First digits of the number, without plus.")] = "",
    account: Annotated[str, typer.Option(help="Id or name of one account.")] = "",
    from_: Annotated[str, typer.Option("--from", help="One sender.")] = "",
    mode: Mode = Mode.live,
    priority: Annotated[int, typer.Option(min=0, help="The lowest is tried first.")] = 0,
    weight: Annotated[int, typer.Option(min=1, help="Share among equal priorities.")] = 1,
) -> None:
    """Let a provider carry the messages of a prefix, account, sender, or all of them."""

    def deed(conn: Conn) -> str:
        return providers.add_route(
            conn, person(), now(), provider=name, prefix=prefix, sender=from_, mode=mode,
            priority=priority, weight=weight,
            account_id=one_account(conn, account)["id"] if account else "",
        )  # fmt: skip

    console.print(_write(deed), markup=False)


@sms_route.command("list")
def list_routes() -> None:
    """Show every route; an empty cell stands for all."""
    table = Table("id", "mode", "account", "sender", "prefix", "provider", "priority", "weight")
    for row in _write(sms_providers.routes):
        table.add_row(*(str(row[name]) for name in (
            "id", "mode", "account_id", "sender", "prefix", "provider", "priority", "weight"
        )))  # fmt: skip
    console.print(table)


@sms_route.command("change")
def change_route(
    route: RouteId,
    provider: Annotated[str | None, typer.Option(help="Who carries them from now on.")] = None,
    priority: Annotated[int | None, typer.Option(min=0, help="The lowest is tried first.")] = None,
    weight: Annotated[int | None, typer.Option(min=1, help="Share among equals.")] = None,
) -> None:
    """Change in place what a route says; what is not named stays."""
    given = {"provider": provider, "priority": priority, "weight": weight}
    told = {name: value for name, value in given.items() if value is not None}
    _write(lambda conn: providers.change_route(conn, person(), now(), route, **told))


@sms_route.command("remove")
def remove_route(route: RouteId) -> None:
    """Remove a route."""
    _write(lambda conn: providers.remove_route(conn, person(), now(), route))


@sender.command("request")
def request_sender(name: Account, asked: SenderId) -> None:
    """Ask for a sender id in the name of an account."""
    _write(lambda conn: senders.ask(
        conn, person(), one_account(conn, name)["id"], asked, now()))  # fmt: skip


@sender.command("approve")
def approve_sender(name: Account, asked: SenderId) -> None:
    """Let an account send by a sender id."""
    _write(lambda conn: decide.approve(
        conn, person(), now(), one_account(conn, name)["id"], asked, _post()))  # fmt: skip


@sender.command("refuse")
def refuse_sender(
    name: Account, asked: SenderId, note: Annotated[str, typer.Option(help="Why.")] = "by command"
) -> None:
    """Refuse a sender id, also one that was approved."""
    _write(lambda conn: decide.refuse(
        conn, person(), now(), one_account(conn, name)["id"], asked, note, _post()))  # fmt: skip


@sender.command("default")
def default_sender(
    name: Account, asked: Annotated[str, typer.Argument(help="Empty: none.")] = ""
) -> None:
    """Let messages of an account that name no sender show this one."""
    _write(lambda conn: texting.set_options(
        conn, person(), one_account(conn, name)["id"], now(), default_sender=asked))  # fmt: skip


@sender.command("list")
def list_senders(name: Account) -> None:
    """Show the sender ids that an account asked for."""
    rows = _write(lambda conn: sms_accounts.senders(conn, one_account(conn, name)["id"]))
    for row in rows:
        console.print(row["sender"], row["status"], row["note"], markup=False)


class Smart(StrEnum):
    """`none` leaves it to the settings of the platform."""

    on = "on"
    off = "off"
    none = "none"


def set_messages(
    name: Account,
    smart_encoding: Annotated[Smart | None, typer.Option(help="Replace look-alikes.")] = None,
    per_minute: PerMinute = None,
    per_second: PerSecond = None,
) -> None:
    """Say how an account's messages are encoded unless they say so themselves, how many it may
    send in a minute, and how many go out in a second. What is not given stays as it is."""

    def deed(conn: Conn) -> None:
        account_id = one_account(conn, name)["id"]
        given: dict[str, bool | int | None] = {}
        if smart_encoding is not None:
            given["smart_encoding"] = {"on": True, "off": False}.get(smart_encoding)
        if per_minute is not None:
            given["per_minute"] = None if per_minute == NONE else per_minute
        if per_second is not None:
            given["per_second"] = None if per_second == NONE else per_second
        texting.set_options(conn, person(), account_id, now(), **given)

    _write(deed)


def set_reply(
    name: Account,
    keyword: Annotated[Keyword, typer.Argument(help="What is answered.")],
    text: Annotated[str, typer.Argument(help="The answer; empty: none.")] = "",
    number: Annotated[str, typer.Option(help="Of one owned number only.")] = "",
) -> None:
    """Answer STOP, START or HELP to an account by a message that the account pays."""
    _write(lambda conn: texting.set_reply(
        conn, person(), one_account(conn, name)["id"], now(), number=number, keyword=keyword,
        text=text))  # fmt: skip


def list_replies(name: Account) -> None:
    """Show what answers STOP, START and HELP."""
    for row in _write(lambda conn: sms_replies.of_account(conn, one_account(conn, name)["id"])):
        console.print(row["number"] or "any", row["keyword"], row["body"], markup=False)


def _post() -> Post:
    return Post.of(_vault(), settings())


def _vault() -> Vault:
    return Vault(load(settings()).master_key)


def _write(deed: Callable[[Conn], T]) -> T:
    """What the deed returns; a refusal is a sentence and exit status 1."""

    async def write() -> Any:
        async with database() as db:
            return await db.write(deed)

    try:
        found: T = asyncio.run(write())
    except (Problem, ValueError) as error:
        console.print(f"Refused: {error}", style="red", markup=False)
        raise SystemExit(1) from error
    return found
