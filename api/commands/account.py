"""`sms-voip account …`: customers, their money, limits and status. They work beside a running
platform."""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.table import Table

from api.commands.arguments import (
    AMOUNT,
    CALLS,
    CAP,
    Account,
    Mode,
    Reason,
    actor,
    given,
    or_none,
    person,
)
from api.commands.deeds import one_account, write
from api.commands.options import console, settings
from api.commands.recording import set_recording
from api.commands.sms import list_replies, set_messages, set_reply
from db import accounts, caller_ids, numbers, tariffs
from db.connection import Conn
from telephony import audit
from telephony.admin import accounts as admin
from telephony.admin import identity, money
from telephony.audit import Actor
from telephony.billing import customers, limits, wallets
from telephony.clock import now, rfc3339
from telephony.money import shown
from telephony.phone_numbers import e164
from telephony.secrets import Vault, load
from telephony.users.mails import Post

account = typer.Typer(help="Customers: money, limits, status.", no_args_is_help=True)
account.command("recording")(set_recording)
account.command("sms")(set_messages)
account.command("reply")(set_reply)
account.command("replies")(list_replies)

PREFIX_DIGITS_MAX = 15
PAGE = 100


@account.command()
def create(
    name: Annotated[str, typer.Argument(help="Of the customer.")],
    country: Annotated[str, typer.Option(help="Two letters; numbers without + are read by it.")],
    tariff: Annotated[
        str, typer.Option(help="Price list; its currency is the account's.")
    ] = tariffs.PUBLIC,
    approved: Annotated[bool, typer.Option("--approved", help="The identity is known.")] = False,
) -> None:
    """Open an account with empty wallets. Live keys work once it is approved."""
    vault = Vault(load(settings()).master_key)

    def deed(conn: Conn) -> str:
        at = now()
        account_id = customers.open_account(
            conn, vault, name, country.upper(), at, tariff=tariff,
            kyc_approved_at=at if approved else None,
        )  # fmt: skip
        audit.record(conn, person(), "account.opened", account_id, at, account_id=account_id)
        return account_id

    console.print(write(deed), markup=False)


@account.command("list")
def list_accounts(
    after: Annotated[str, typer.Option(help="Id of the last one that was shown.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = PAGE,
) -> None:
    """Show the accounts in the order in which they were opened."""
    rows = write(lambda conn: accounts.page(conn, after, limit))
    table = Table("id", "name", "currency", "country", "status", "approved", "opened")
    for row in rows:
        approved = rfc3339(row["kyc_approved_at"]) if row["kyc_approved_at"] else "no"
        table.add_row(row["id"], row["name"], row["currency"], row["country"], row["status"],
                      approved, rfc3339(row["created_at"]))  # fmt: skip
    console.print(table)


@account.command()
def approve(name: Account) -> None:
    """Note that the customer's identity is known: live keys work from now on."""
    post = Post.of(Vault(load(settings()).master_key), settings())

    def deed(conn: Conn) -> str:
        row = one_account(conn, name)
        identity.approve_account(conn, person(), now(), row["id"], post)
        return f"{row['name']} is approved."

    console.print(write(deed), markup=False)


@account.command()
def fund(
    name: Account, amount: Annotated[int, AMOUNT], reason: Reason, mode: Mode = Mode.live
) -> None:
    """Put money that was paid in into an account's wallet."""

    def deed(conn: Conn) -> str:
        row = one_account(conn, name)
        money.pay_in(conn, person(), now(), row["id"], mode, amount, reason)
        balance = wallets.balance(conn, row["id"], mode, "wallet")
        return f"The {mode} wallet of {row['name']} has {shown(balance, row['currency'])}."

    console.print(write(deed), markup=False)


@account.command("limits")
def set_limits(
    name: Account,
    day: Annotated[Any, CAP] = None,
    month: Annotated[Any, CAP] = None,
    low_wallet: Annotated[Any, CAP] = None,
    low_sip: Annotated[Any, CAP] = None,
    calls_max: Annotated[Any, CALLS] = None,
    calls_per_second: Annotated[Any, CALLS] = None,
    mode: Mode = Mode.live,
) -> None:
    """Cap what an account may spend in a day or month, its calls at once and those it starts in
    a second (in each mode), and say from which balance down it is warned (in one mode). What is
    not given stays as it is."""

    def deed(conn: Conn) -> None:
        account_id = one_account(conn, name)["id"]
        caps = given(
            spend_day_max=day, spend_month_max=month, calls_max=calls_max,
            calls_per_second=calls_per_second,
        )  # fmt: skip
        admin.limit(conn, person(), now(), account_id, **caps)
        for kind, threshold in (("wallet", low_wallet), ("sip", low_sip)):
            if threshold is not None:
                limits.set_threshold(conn, account_id, mode, kind, or_none(threshold), now())

    write(deed)


BY_COMMAND = "by command"
Why = Annotated[str, typer.Option("--reason", help="Kept in the audit log.")]
Prefix = Annotated[str, typer.Argument(help="Digits that numbers begin with, such as 4470.")]


@account.command()
def allow(name: Account, prefix: Prefix) -> None:
    """Let an account call numbers that begin so; the longest prefix counts."""
    write(lambda conn: _rule(conn, name, prefix, True))


@account.command()
def block(name: Account, prefix: Prefix) -> None:
    """Let an account not call numbers that begin so; the longest prefix counts."""
    write(lambda conn: _rule(conn, name, prefix, False))


@account.command()
def suspend(name: Account, reason: Why = BY_COMMAND) -> None:
    """Let an account do nothing more: its keys and phones are refused, and its calls end."""
    _do(admin.suspend, name, reason, "suspended")


@account.command()
def activate(name: Account, reason: Why = BY_COMMAND) -> None:
    """Let a suspended account work again."""
    _do(admin.lift, name, reason, "active")


@account.command("verify-caller-id")
def verify_caller_id(
    name: Account, number: Annotated[str, typer.Argument(help="E.164, such as +4930123456.")]
) -> None:
    """Let an account show a number that it has proved to be its own."""

    def deed(conn: Conn) -> None:
        caller_ids.verify(conn, one_account(conn, name)["id"], e164(number), actor(), now())

    write(deed)


def _rule(conn: Conn, name: str, prefix: str, allowed: bool) -> None:
    digits = prefix.removeprefix("+")
    if not digits.isdigit() or len(digits) > PREFIX_DIGITS_MAX:
        raise ValueError(f"a prefix is 1 to {PREFIX_DIGITS_MAX} digits")
    numbers.rule(conn, one_account(conn, name)["id"], digits, allowed)


def _do(deed: Callable[[Conn, Actor, int, str, str], None], name: str, reason: str,
        status: str) -> None:  # fmt: skip
    def run(conn: Conn) -> str:
        row = one_account(conn, name)
        deed(conn, person(), now(), row["id"], reason)
        return f"{row['name']} is {status}."

    console.print(write(run), markup=False)
