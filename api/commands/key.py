"""`sms-voip key …`: API keys of customers. They work beside a running platform, which hears of a
change within a second."""

from typing import Annotated, Any

import typer
from rich.table import Table

from api.commands.arguments import (
    BURST,
    CALLS,
    CAP,
    PER_MINUTE,
    Account,
    Mode,
    given,
    or_none,
    person,
)
from api.commands.deeds import one_account, write
from api.commands.options import console, instant
from db import accounts
from db.connection import Conn, Row
from telephony.accounts import (
    OVERLAP_SECONDS,
    SCOPES,
    NewKey,
    change_key,
    create_key,
    revoke_key,
    rotate_key,
)
from telephony.clock import Instant, now, rfc3339

key = typer.Typer(help="API keys: create, limit, rotate, revoke.", no_args_is_help=True)

HOUR_SECONDS = 3600
KeyId = Annotated[str, typer.Argument(help="Id of the API key, such as key_01…")]
EXPIRES: Any = typer.Option("--expires", parser=instant, metavar="TIME", help="Such as 2027-01-01.")


@key.command()
def create(
    name: Account,
    label: Annotated[str, typer.Option("--name", help="What the key is for.")],
    mode: Mode = Mode.test,
    scope: Annotated[list[str] | None, typer.Option(help="Repeat it; all if none.")] = None,
    cidr: Annotated[list[str] | None, typer.Option(help="Network; repeat it; any if none.")] = None,
    expires: Annotated[Instant | None, EXPIRES] = None,
    per_minute: Annotated[Any, PER_MINUTE] = None,
    burst: Annotated[Any, BURST] = None,
    day: Annotated[Any, CAP] = None,
) -> None:
    """Make a key and print it: this once, since only its hash is kept."""

    def deed(conn: Conn) -> NewKey:
        return create_key(
            conn, one_account(conn, name)["id"], mode, name=label, actor=person(), now=now(),
            scopes=scope or SCOPES, cidrs=cidr or (), expires_at=expires,
            requests_per_minute=or_none(per_minute), requests_burst=or_none(burst),
            spend_day_max=or_none(day),
        )  # fmt: skip

    _show(write(deed))


@key.command("list")
def list_keys(name: Account) -> None:
    """Show the keys of an account, never the keys themselves."""
    rows = write(lambda conn: accounts.keys_of(conn, one_account(conn, name)["id"]))
    table = Table("id", "key", "name", "state", "used", "networks", "a minute", "scopes")
    for row in rows:
        used = rfc3339(row["last_used_at"]) if row["last_used_at"] else "never"
        table.add_row(
            row["id"], f"sk_{row['mode']}_…{row['last4']}", row["name"], _state(row), used,
            row["cidrs"] or "any", str(row["requests_per_minute"] or ""), row["scopes"],
        )  # fmt: skip
    console.print(table)


@key.command()
def revoke(key_id: KeyId) -> None:
    """Let a key work no more; every process refuses it within a second."""
    row = write(lambda conn: revoke_key(conn, key_id, actor=person(), now=now()))
    console.print(f"{row['name']} (…{row['last4']}) is revoked.", markup=False)


@key.command()
def rotate(
    key_id: KeyId,
    overlap_hours: Annotated[
        float, typer.Option(min=0, help="How long the old key still works.")
    ] = OVERLAP_SECONDS / HOUR_SECONDS,
) -> None:
    """Make a key with the same rights in the place of one, which works on for a while."""
    seconds = round(overlap_hours * HOUR_SECONDS)

    def deed(conn: Conn) -> NewKey:
        return rotate_key(conn, key_id, actor=person(), now=now(), overlap_seconds=seconds)

    _show(write(deed))


@key.command("limits")
def set_limits(
    key_id: KeyId,
    per_minute: Annotated[Any, PER_MINUTE] = None,
    burst: Annotated[Any, BURST] = None,
    day: Annotated[Any, CAP] = None,
    calls_max: Annotated[Any, CALLS] = None,
    calls_per_second: Annotated[Any, CALLS] = None,
    cidr: Annotated[
        list[str] | None, typer.Option(help="Network instead of those so far; repeat it, or `any`.")
    ] = None,
) -> None:
    """Say how often a key may ask, what it may spend in a day, its calls at once and those that
    it starts in a second, and from where it may be used. What is not given stays as it is."""
    facts = given(
        requests_per_minute=per_minute, requests_burst=burst, spend_day_max=day,
        calls_max=calls_max, calls_per_second=calls_per_second,
    )  # fmt: skip
    cidrs = None if cidr is None else [one for one in cidr if one != "any"]
    write(lambda conn: change_key(conn, key_id, cidrs, facts, actor=person(), now=now()))


def _state(row: Row) -> str:
    if row["revoked_at"] is not None:
        return f"revoked {rfc3339(row['revoked_at'])}"
    if row["expires_at"] is None:
        return "works"
    return f"{'expired' if row['expires_at'] <= now() else 'until'} {rfc3339(row['expires_at'])}"


def _show(made: NewKey) -> None:
    console.print(made.key, markup=False, soft_wrap=True)
    console.print(f"Keep it: it is not shown again. Its id is {made.id}.", markup=False)
    if made.replaced_until is not None:
        console.print(f"The old key works until {rfc3339(made.replaced_until)}.", markup=False)
