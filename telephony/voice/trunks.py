"""Carriers: what an operator says of them, and what Asterisk is told. Their names, addresses and
secrets are in AstDB like those of phones; only outbound registrations need a module's reload."""

import ipaddress
import json
import re
from collections.abc import Sequence
from ipaddress import ip_address

from db import trunks
from db.connection import Conn, Row
from telephony.clock import Instant
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice.routes import DEFAULT

CHANNEL = "trunks"
DEFAULT_PORT = 5060
NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,30}")
HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
CODECS = ("ulaw", "alaw", "g722", "gsm")
PREFIX = re.compile(r"[0-9]{0,15}")
PREPEND = re.compile(r"\+?[0-9]{0,12}")
USERNAME = re.compile(r"[A-Za-z0-9._+-]{1,64}")
SECRET = re.compile(r"[!-~]{1,128}")
FAMILIES = ("ps/aor", "ps/auth", "ps/endpoint", "ps/registration", "ps/identify")
"""In the order of writing: a carrier that is known by its address has all the rest."""

Rows = dict[str, str]


def add(
    conn: Conn, vault: Vault, *, name: str, host: str, port: int, transport: str, username: str,
    secret: str, registers: bool, codecs: Sequence[str], caller_id_format: str,
    cidrs: Sequence[str], capacity: int | None, now: Instant,
) -> None:  # fmt: skip
    """Add a carrier; without a user name it is authenticated by its address."""
    _check(name=name, host=host, port=port, capacity=capacity)
    _check_credentials(username, secret, registers)
    if not codecs or not set(codecs) <= set(CODECS):
        raise ValidationFailedError(f"Codecs are some of {', '.join(CODECS)}.")
    added = trunks.add(
        conn, name=name, host=host, port=port, transport=transport, username=username,
        secret_sealed=vault.seal(secret) if secret else "", registers=registers,
        codecs=",".join(codecs), caller_id_format=caller_id_format, capacity=capacity,
        cidrs=",".join(map(network, cidrs)), created_at=now,
    )  # fmt: skip
    if not added:
        raise ValidationFailedError(f"There is a trunk {name} already.")
    conn.wake(CHANNEL)


def _check(*, name: str, host: str, port: int, capacity: int | None) -> None:
    if not NAME.fullmatch(name) or name == DEFAULT:
        raise ValidationFailedError(
            f"A trunk's name is 1 to 31 of a-z, 0-9, dot and dash, and not {DEFAULT}, which is the"
            " one of the setting SMS_VOIP_TRUNK_HOST."
        )
    if not HOST.fullmatch(host) or not 0 < port < 65536:
        raise ValidationFailedError("The host is a name or an address, the port 1 to 65535.")
    if capacity is not None and capacity < 1:
        raise ValidationFailedError("The capacity is how many calls at once: 1 or more.")


def _check_credentials(username: str, secret: str, registers: bool) -> None:
    if bool(username) != bool(secret) or (registers and not username):
        raise ValidationFailedError("User name and secret go together; a registration needs both.")
    if username and not (USERNAME.fullmatch(username) and SECRET.fullmatch(secret)):
        raise ValidationFailedError(
            "A user name is letters, digits, dot, dash, plus and underscore; a secret is printable"
            " ASCII without spaces."
        )


def network(text: str) -> str:
    """An address or CIDR, as Asterisk reads it; ValidationFailedError."""
    try:
        return str(ipaddress.ip_network(text.strip()))
    except ValueError as error:
        raise ValidationFailedError(f"{text} is neither an address nor a network.") from error


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
    if not PREFIX.fullmatch(prefix) or not PREPEND.fullmatch(prepend):
        raise ValidationFailedError("A prefix is digits; before what is prepended may be a plus.")
    if weight < 1 or priority < 0 or not 0 <= strip <= len(prefix or "0" * 15):
        raise ValidationFailedError(
            "The weight is 1 or more, the priority 0 or more, and no more digits are stripped than"
            " the prefix has."
        )
    trunks.put_route(
        conn, prefix=prefix, trunk_id=get(conn, name)["id"], priority=priority, weight=weight,
        strip=strip, prepend=prepend,
    )  # fmt: skip


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
