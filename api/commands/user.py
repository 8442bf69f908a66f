"""`sms-voip user …`: people who sign in, and who of them administers the platform. They work
beside a running platform."""

from typing import Annotated

import typer
from rich.table import Table

from api.commands.arguments import person
from api.commands.deeds import write
from api.commands.options import console, settings
from db import users
from telephony.clock import now, rfc3339
from telephony.users import people
from telephony.users.people import ROLES

user = typer.Typer(help="People who sign in, administrators among them.", no_args_is_help=True)

PAGE = 100
Email = Annotated[str, typer.Argument(help="Address that the user signs in with.")]


@user.command("list")
def list_users(
    after: Annotated[str, typer.Option(help="Id of the last one that was shown.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = PAGE,
) -> None:
    """Show who signs in, in the order in which they came."""
    rows = write(lambda conn: users.page(conn, after, limit))
    table = Table("id", "email", "name", "platform", "two-factor", "disabled", "since")
    for row in rows:
        table.add_row(row["id"], row["email"], row["name"], row["platform_role"] or "–",
                      "on" if row["totp_since"] else "off",
                      rfc3339(row["disabled_at"]) if row["disabled_at"] else "no",
                      rfc3339(row["created_at"]))  # fmt: skip
    console.print(table)


@user.command()
def administer(
    email: Email,
    role: Annotated[str, typer.Option(help=f"{', '.join(ROLES)}.")] = "admin",
    name: Annotated[str, typer.Option(help="Of somebody who has no user yet.")] = "",
) -> None:
    """Let somebody administer the platform, or only look at it (support), or no longer (none)."""
    token = write(
        lambda conn: people.set_platform_role(conn, person(), email, role, name, now())
    )  # fmt: skip
    console.print(f"{email} is now: {role}.", markup=False)
    if token:
        _show(token, "sets the first password, within an hour")


@user.command("reset-link")
def reset_link(email: Email) -> None:
    """Print a link that sets a new password."""
    token = write(lambda conn: people.new_password_token(conn, person(), email, now()))
    _show(token, "sets a new password, within an hour")


@user.command("two-factor-off")
def two_factor_off(email: Email) -> None:
    """Let somebody in by password alone who has lost the app and the recovery codes."""
    write(lambda conn: people.switch_off_two_factor(conn, person(), email, now()))
    console.print(f"{email} signs in by password alone now.", markup=False)


@user.command()
def disable(email: Email) -> None:
    """Keep somebody out; their sessions end at once."""
    write(lambda conn: people.set_disabled(conn, person(), email, True, now()))
    console.print(f"{email} is disabled.", markup=False)


@user.command()
def enable(email: Email) -> None:
    """Let somebody in again."""
    write(lambda conn: people.set_disabled(conn, person(), email, False, now()))
    console.print(f"{email} is enabled.", markup=False)


@user.command("sign-out")
def sign_out(email: Email) -> None:
    """End all sessions of somebody."""
    ended = write(lambda conn: people.sign_out(conn, person(), email, now()))
    console.print(f"{ended} sessions of {email} have ended.", markup=False)


def _show(token: str, what: str) -> None:
    console.print(f"This link {what}:", markup=False)
    console.print(f"{settings().api_url}/reset/{token}", markup=False, soft_wrap=True)
