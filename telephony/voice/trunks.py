"""Carriers: what an operator says of them, and what Asterisk is told. Their names, addresses and
secrets are in AstDB like those of phones; only outbound registrations need a module's reload."""

import ipaddress
import json
import re
from collections.abc import Sequence
from ipaddress import ip_address
from typing import TypedDict, Unpack

from db import trunks
from db.connection import Conn, Row
from telephony.clock import Instant
from telephony.errors import NotFoundError
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice.routes import DEFAULT, PRIORITY_LAST
from telephony.voice.sip_rules import bad

CHANNEL = "trunks"
DEFAULT_PORT = 5060
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,30}")
HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
CODECS = ("ulaw", "alaw", "g722", "gsm")
PREFIX = re.compile(r"[0-9]{0,15}")
PREPEND = re.compile(r"\+?[0-9]{0,12}")
USERNAME = re.compile(r"[A-Za-z0-9._+-]{1,64}")
SECRET = re.compile(r"[!-~]{1,128}")
CAPACITY_MAX = 1_000_000
WEIGHT_MAX = 1_000_000
PEER = ("host", "port", "transport", "username")
"""What says to whom a secret is proved."""
FAMILIES = ("ps/aor", "ps/auth", "ps/endpoint", "ps/registration", "ps/identify")
"""In the order of writing: a carrier that is known by its address has all the rest."""

Rows = dict[str, str]


class CarrierFacts(TypedDict):
    """What an operator says of a carrier, but for its secret; without a user name it is
    authenticated by its address."""

    host: str
    port: int
    transport: str
    username: str
    registers: bool
    codecs: Sequence[str]
    caller_id_format: str
    cidrs: Sequence[str]
    capacity: int | None


def add(
    conn: Conn, vault: Vault, *, name: str, secret: str, now: Instant,
    **facts: Unpack[CarrierFacts],
) -> None:  # fmt: skip
    """Add a carrier; ValidationFailedError of the field that is wrong, or for a known name."""
    if not NAME.fullmatch(name) or name == DEFAULT:
        raise bad(
            "name", "invalid",
            f"A trunk's name is 1 to 31 of a-z, 0-9, dot and dash, and not {DEFAULT}, which is the"
            " one of the setting SMS_VOIP_TRUNK_HOST.",
        )  # fmt: skip
    _check_credentials(facts["username"], secret, facts["registers"])
    sealed = vault.seal(secret) if secret else ""
    if not trunks.add(conn, name=name, secret_sealed=sealed, created_at=now, **_columns(facts)):
        raise bad("name", "taken", f"There is a trunk {name} already.")
    conn.wake(CHANNEL)


def change(
    conn: Conn, vault: Vault, *, name: str, secret: str, **facts: Unpack[CarrierFacts]
) -> None:
    """Say otherwise of a carrier. Without a secret it keeps the one that it has, but only where
    that goes to the same peer as before: nobody gets to see it by naming another host."""
    before = get(conn, name)
    same = all(before[one] == facts[one] for one in PEER)  # type: ignore[literal-required]
    kept = vault.open(before["secret_sealed"]) if facts["username"] and before["username"] else ""
    if kept and not secret and not same:
        raise bad("secret", "missing", "Write the secret again: it would go to another peer.")
    _check_credentials(facts["username"], secret or kept, facts["registers"])
    sealed = vault.seal(secret) if secret else before["secret_sealed"] if kept else ""
    trunks.change(conn, before["id"], secret_sealed=sealed, **_columns(facts))
    conn.wake(CHANNEL)


def set_status(conn: Conn, name: str, status: str) -> bool:
    """Take a carrier into service (`active`) or out of it (`disabled`): no new call leaves by it
    or comes from it, those that it carries go on. False if it was so before."""
    row = get(conn, name)
    trunks.change(conn, row["id"], status=status)
    conn.wake(CHANNEL)
    return bool(row["status"] != status)


def _columns(facts: CarrierFacts) -> Row:
    if not HOST.fullmatch(facts["host"]):
        raise bad("host", "invalid", "The host is a name or an address.")
    if not 0 < facts["port"] < 65536:
        raise bad("port", "invalid", "The port is 1 to 65535.")
    if facts["capacity"] is not None and not 1 <= facts["capacity"] <= CAPACITY_MAX:
        raise bad("capacity", "invalid", "The capacity is how many calls at once: 1 or more.")
    if not facts["codecs"] or not set(facts["codecs"]) <= set(CODECS):
        raise bad("codecs", "invalid", f"Codecs are some of {', '.join(CODECS)}.")
    return {**facts, "codecs": ",".join(facts["codecs"]),
            "cidrs": ",".join(map(network, facts["cidrs"]))}  # fmt: skip


def _check_credentials(username: str, secret: str, registers: bool) -> None:
    if username and not USERNAME.fullmatch(username):
        message = "A user name is letters, digits, dot, dash, plus and underscore."
        raise bad("username", "invalid", message)
    if secret and not SECRET.fullmatch(secret):
        raise bad("secret", "invalid", "A secret is printable ASCII without spaces.")
    if bool(username) != bool(secret) or (registers and not username):
        message = "User name and secret go together; a registration needs both."
        raise bad("secret" if username else "username", "missing", message)


def network(text: str) -> str:
    """An address or CIDR, as Asterisk reads it; ValidationFailedError."""
    try:
        return str(ipaddress.ip_network(text.strip()))
    except ValueError as error:
        message = f"{text} is neither an address nor a network."
        raise bad("cidrs", "invalid", message) from error


def get(conn: Conn, name: str) -> Row:
    """The trunk of that name; NotFoundError."""
    row = trunks.named(conn, name)
    if row is None:
        raise NotFoundError(f"There is no trunk {name}.")
    return row


def remove(conn: Conn, name: str) -> None:
    """Forget a carrier and its routes; calls that it carries go on."""
    trunks.remove(conn, get(conn, name)["id"])
    conn.wake(CHANNEL)


def route(
    conn: Conn, *, prefix: str, name: str, priority: int, weight: int, strip: int, prepend: str
) -> None:
    """Lead numbers that begin with `prefix` (digits; empty: all) to a carrier."""
    _check_route(prefix, priority, weight, strip, prepend)
    trunks.put_route(
        conn, prefix=prefix, trunk_id=get(conn, name)["id"], priority=priority, weight=weight,
        strip=strip, prepend=prepend,
    )  # fmt: skip


def _check_route(prefix: str, priority: int, weight: int, strip: int, prepend: str) -> None:
    if not PREFIX.fullmatch(prefix):
        raise bad("prefix", "invalid", "A prefix is up to 15 digits.")
    if not PREPEND.fullmatch(prepend):
        raise bad("prepend", "invalid", "What is prepended is digits, a plus before them or not.")
    if not 1 <= weight <= WEIGHT_MAX:
        raise bad("weight", "invalid", f"The weight is 1 to {WEIGHT_MAX}.")
    if not 0 <= priority < PRIORITY_LAST:
        raise bad("priority", "invalid", f"The priority is 0 to {PRIORITY_LAST - 1}.")
    if not 0 <= strip <= len(prefix or "0" * 15):
        raise bad("strip", "invalid", "No more digits are stripped than the prefix has.")


def unroute(conn: Conn, *, prefix: str, name: str) -> None:
    """Lead a prefix to a carrier no longer; NotFoundError if it was not."""
    if not trunks.drop_route(conn, prefix, get(conn, name)["id"]):
        raise NotFoundError(f"Prefix {prefix or '(all)'} does not lead to {name}.")


def peer_of(setting: str) -> tuple[str, int, str]:
    """Host, port and transport of `SMS_VOIP_TRUNK_HOST`."""
    host, _, port = setting.partition(":")
    return host, int(port or DEFAULT_PORT), "udp"


def component(name: str) -> str:
    """Its name among the parts of the platform."""
    return f"trunk:{name}"


def registration_of(name: str) -> str:
    """The same of our registration there."""
    return f"{component(name)}:registration"


def registration(row: Row, found: Row | None) -> str:
    """How our registration at a carrier stands, in a sentence for people; `found` is the part of
    the platform that it is."""
    if not row["registers"]:
        how = f"our answers as {row['username']}" if row["username"] else "our address"
        return f"Registration: none; it knows us by {how}."
    if row["status"] != "active":
        return "Registration: none while it is out of service."
    return f"Registration: {found['detail'] if found else 'not looked at yet'}."


def astdb_rows(row: Row, addresses: Sequence[str], vault: Vault, settings: Settings) -> Rows:
    """What AstDB holds of a trunk, by family; `addresses` is where its host name leads to. A
    name in `match` would be looked up for every packet that comes in."""
    name = f"_{row['name']}"
    rows: dict[str, dict[str, str]] = {
        "ps/aor": {"contact": _contact(row), "qualify_frequency": "0"},
        "ps/endpoint": _endpoint(row, name, settings),
        "ps/identify": {"endpoint": name, "match": ",".join(_matches(row, addresses))},
    }
    if row["username"]:
        rows["ps/endpoint"]["outbound_auth"] = name
        # Its realm is the carrier's, so no digest can be made beforehand.
        rows["ps/auth"] = {
            "auth_type": "userpass", "username": row["username"],
            "password": vault.open(row["secret_sealed"]),
        }  # fmt: skip
    if row["registers"]:
        rows["ps/registration"] = _registration(row, name)
    return {family: json.dumps(values, sort_keys=True) for family, values in rows.items()}


def _contact(row: Row) -> str:
    return f"sip:{_host(row)}:{row['port']};transport={row['transport']}"


def _host(row: Row) -> str:
    return f"[{row['host']}]" if ":" in row["host"] else str(row["host"])


def _endpoint(row: Row, name: str, settings: Settings) -> dict[str, str]:
    endpoint = {
        "aors": name, "context": "from-trunk", "identify_by": "ip", "disallow": "all",
        "allow": row["codecs"], "direct_media": "no", "allow_transfer": "no",
        "trust_id_inbound": "no", "send_connected_line": "no", "trust_connected_line": "no",
        "accountcode": "trunk", "rtp_timeout": "120",
    }  # fmt: skip
    if not ip_address(settings.bind_host).is_unspecified:
        endpoint |= {"media_address": settings.bind_host, "bind_rtp_to_media_address": "yes"}
    return endpoint


def _matches(row: Row, addresses: Sequence[str]) -> list[str]:
    """UDP comes from the port that it goes to; a connection comes from any."""
    port = f":{row['port']}" if row["transport"] == "udp" else ""
    own = [f"[{one}]{port}" if ":" in one else f"{one}{port}" for one in addresses]
    return own + [one for one in row["cidrs"].split(",") if one]


def _registration(row: Row, name: str) -> dict[str, str]:
    return {
        "server_uri": _contact(row), "client_uri": f"sip:{row['username']}@{_host(row)}",
        "contact_user": row["username"], "outbound_auth": name, "expiration": "300",
        "retry_interval": "20", "forbidden_retry_interval": "60", "fatal_retry_interval": "60",
        "auth_rejection_permanent": "no", "max_retries": "1000000",
        "max_random_initial_delay": "0",
    }  # fmt: skip
