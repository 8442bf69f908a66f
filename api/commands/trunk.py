"""`sms-voip trunk …` and `sms-voip route …`: the carriers that live calls leave by and come from,
and which of them reaches which numbers. They work beside a running platform."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from api.commands.arguments import person
from api.commands.deeds import write
from api.commands.options import console, settings
from db import trunks as stored
from db.connection import Conn, Row
from telephony import secrets
from telephony.admin import carriers
from telephony.clock import now
from telephony.secrets import Vault
from telephony.voice import trunks
from telephony.voice.options import Pong, ping
from telephony.voice.routes import DEFAULT

trunk = typer.Typer(help="Carriers.", no_args_is_help=True)
route = typer.Typer(help="Which carrier reaches which numbers.", no_args_is_help=True)


class Transport(StrEnum):
    """How SIP goes to the carrier."""

    udp = "udp"
    tcp = "tcp"
    tls = "tls"


class Style(StrEnum):
    """How the carrier wants numbers: +4930123456, 4930123456, or 030123456 within its country."""

    e164 = "e164"
    digits = "digits"
    national = "national"


Name = Annotated[str, typer.Argument(help="Name of the trunk.")]
Prefix = Annotated[str, typer.Argument(help="Digits such as 4930; all: every number.")]
ALL = "all"


@trunk.command()
def add(
    name: Name,
    host: Annotated[str, typer.Argument(help="Name or address.")],
    port: int = 5060,
    transport: Transport = Transport.udp,
    username: Annotated[str, typer.Option(help="Without one its address authenticates it.")] = "",
    secret: Annotated[
        str, typer.Option(envvar="TRUNK_SECRET", help="Better not on the command line.")
    ] = "",
    register: Annotated[bool, typer.Option(help="Register there with user name, secret.")] = False,
    codecs: Annotated[str, typer.Option(help="The best first.")] = "ulaw,alaw",
    caller_id_format: Style = Style.e164,
    cidr: Annotated[list[str] | None, typer.Option(help="Where its calls also come from.")] = None,
    capacity: Annotated[int | None, typer.Option(help="Calls at once, default any number.")] = None,
) -> None:
    """Add a carrier, which every PBX node knows at once; `route add` leads numbers to it."""
    if username and not secret:
        secret = typer.prompt("Secret", hide_input=True)
    vault = Vault(secrets.load(settings()).master_key)
    write(
        lambda conn: carriers.add(conn, person(), now(), vault, name, secret, {
            "host": host, "port": port, "transport": transport, "username": username,
            "registers": register, "codecs": codecs.split(","), "capacity": capacity,
            "caller_id_format": caller_id_format, "cidrs": cidr or [],
        })
    )  # fmt: skip


@trunk.command("list")
def list_trunks() -> None:
    """Show every carrier, with the calls that it carries now."""
    table = Table("trunk", "peer", "authentication", "numbers", "calls", "status")
    for row in write(_carriers):
        table.add_row(*row)
    console.print(table)


@trunk.command("test")
def test_trunk(name: Name) -> None:
    """Send OPTIONS now: the answer and its time; exit status 1 if there is none."""
    host, port, transport = write(lambda conn: _peer(conn, name))
    try:
        pong: Pong = asyncio.run(ping(host, port, transport))
    except OSError as error:
        console.print(f"{host}:{port} does not answer: {str(error) or 'timeout'}", style="red")
        raise SystemExit(1) from error
    console.print(f"{host}:{port} answered {pong.status} after {pong.milliseconds:.1f} ms.")


@trunk.command("remove")
def remove_trunk(name: Name) -> None:
    """Forget a carrier and its routes; calls that it carries go on."""
    write(lambda conn: carriers.remove(conn, person(), now(), name))


@trunk.command()
def disable(name: Name) -> None:
    """Let no new call leave by a carrier or come from it; those that it carries go on."""
    write(lambda conn: carriers.set_status(conn, person(), now(), name, "disabled"))


@trunk.command()
def enable(name: Name) -> None:
    """Take a carrier into service again."""
    write(lambda conn: carriers.set_status(conn, person(), now(), name, "active"))


@route.command("add")
def add_route(
    prefix: Prefix,
    name: Name,
    priority: Annotated[int, typer.Option(help="Lower is tried first.")] = 10,
    weight: Annotated[int, typer.Option(help="Its share among those of equal priority.")] = 1,
    strip: Annotated[int, typer.Option(help="Digits to take off the number.")] = 0,
    prepend: Annotated[str, typer.Option(help="Digits, or a plus, to put before it.")] = "",
) -> None:
    """Lead numbers that begin so to a carrier; the longest prefix is tried first."""
    write(
        lambda conn: carriers.route(
            conn, person(), now(), prefix=_digits(prefix), name=name, priority=priority,
            weight=weight, strip=strip, prepend=prepend,
        )
    )  # fmt: skip


@route.command("list")
def list_routes() -> None:
    """Show which numbers go where."""
    table = Table("prefix", "trunk", "priority", "weight", "strip", "prepend")
    for row in write(stored.routes):
        table.add_row(
            row["prefix"] or ALL, row["name"], str(row["priority"]), str(row["weight"]),
            str(row["strip"]), row["prepend"],
        )  # fmt: skip
    console.print(table)


@route.command("remove")
def remove_route(prefix: Prefix, name: Name) -> None:
    """Lead numbers that begin so to that carrier no longer."""
    write(lambda conn: carriers.unroute(
        conn, person(), now(), prefix=_digits(prefix), name=name))  # fmt: skip


def _digits(prefix: str) -> str:
    return "" if prefix == ALL else prefix.removeprefix("+")


def _carriers(conn: Conn) -> list[list[str]]:
    return [_line(conn, row) for row in stored.listed(conn)]


def _line(conn: Conn, row: Row) -> list[str]:
    how = f"as {row['username']}" if row["username"] else "by address"
    most = "" if row["capacity"] is None else f" of {row['capacity']}"
    return [
        row["name"], f"{row['host']}:{row['port']} {row['transport']}",
        f"registers {how}" if row["registers"] else how, row["caller_id_format"],
        f"{stored.calls_of(conn, row['name'])}{most}", row["status"],
    ]  # fmt: skip


def _peer(conn: Conn, name: str) -> tuple[str, int, str]:
    own = settings().trunk_host
    if name == DEFAULT and own:
        return trunks.peer_of(own)
    row = trunks.get(conn, name)
    return row["host"], row["port"], row["transport"]
