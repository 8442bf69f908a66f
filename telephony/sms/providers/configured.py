"""The providers of this installation: the sandbox, that of the settings, and those of the table."""

import json

from pydantic import ValidationError

from db import sms_providers
from db.connection import Conn, Row
from telephony.clock import Instant
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms.providers import smpp_options
from telephony.sms.providers.base import Provider
from telephony.sms.providers.registry import build

CHANNEL = "sms-providers"
RESERVED = ("sandbox", "smpp")
"""Names of the providers that need no row."""


def of_settings(settings: Settings) -> list[Provider]:
    """Test mode's, and that of the settings `SMS_VOIP_SMPP_*`, neither of them started."""
    found = [build("sandbox", "sandbox", {}, settings)]
    if settings.smpp_host:
        found.append(build("smpp", "smpp", smpp_options.from_settings(settings), settings))
    return found


def open_row(row: Row, vault: Vault, settings: Settings) -> Provider:
    """The provider of a row, not started; LookupError or ValueError where its package is gone or
    takes its options no more."""
    return build(row["kind"], row["name"], json.loads(vault.open(row["options_sealed"])), settings)


def add(
    conn: Conn, vault: Vault, settings: Settings, name: str, kind: str, options: str, now: Instant
) -> Provider:
    """Store a provider with its options (JSON), or replace it; it is returned, not started.
    ValueError with a sentence where something is wrong."""
    if name in RESERVED or not name.replace("-", "").replace("_", "").isalnum():
        raise ValueError(f"{name!r} cannot be its name: use letters and digits, not {RESERVED}")
    try:
        provider = build(kind, name, _object(options), settings)
    except LookupError as error:
        raise ValueError(str(error.args[0])) from error
    except ValidationError as error:  # not pydantic's own text: it repeats secrets
        raise ValueError("; ".join(_told(one) for one in error.errors())) from None
    encodings = ",".join(sorted(provider.capabilities.encodings))
    sms_providers.put(conn, name, kind, vault.seal(options), encodings, now)
    conn.wake(CHANNEL)
    return provider


def remove(conn: Conn, name: str, now: Instant) -> None:
    """Let a provider carry nothing any more, its routes go with it; ValueError without one."""
    if not sms_providers.remove(conn, name, now):
        raise ValueError(f"there is no provider {name}")
    conn.wake(CHANNEL)


def _object(options: str) -> dict[str, object]:
    try:
        found = json.loads(options)
    except ValueError as error:
        raise ValueError(f"the options are no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError('the options must be a JSON object, such as {"url": "https://…"}')
    return found


def _told(mistake: object) -> str:
    assert isinstance(mistake, dict)
    return f"{'.'.join(map(str, mistake['loc'])) or 'options'}: {mistake['msg']}"
