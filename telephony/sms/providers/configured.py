"""The providers of this installation: the sandbox, that of the settings, and those of the table."""

import json
import re
from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from db import sms_providers
from db.connection import Conn, Row
from telephony.clock import Instant
from telephony.errors import ValidationFailedError
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms.providers import smpp_options
from telephony.sms.providers.base import Provider
from telephony.sms.providers.masks import MASK, has_mask, unmasked
from telephony.sms.providers.registry import build, kind_of

CHANNEL = "sms-providers"
RESERVED = ("sandbox", "smpp")
"""Names of the providers that need no row."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
PEER = ("host", "port", "tls", "url", "status_url")
"""Options that say to whom the secrets go."""


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
    ValidationFailedError, of an option by the field `options.<name>`."""
    if name in RESERVED or not NAME.fullmatch(name):
        message = f"{name!r} cannot be its name: use letters and digits, not {RESERVED}"
        raise _wrong({"name": message})
    try:
        given = _object(options)
        kind_of(kind).options.model_validate(given)
        provider = build(kind, name, given, settings)
    except LookupError as error:
        raise _wrong({"kind": str(error.args[0])}) from error
    except ValidationError as error:  # not pydantic's own text: it repeats secrets
        raise _wrong(dict(map(_told, error.errors()))) from None
    except ValueError as error:
        raise _wrong({"options": str(error)}) from error
    encodings = ",".join(sorted(provider.capabilities.encodings))
    sms_providers.put(conn, name, kind, vault.seal(options), encodings, now)
    conn.wake(CHANNEL)
    return provider


def opened(row: Row, vault: Vault) -> dict[str, object]:
    """The options of a row as they were given, secrets among them."""
    return _object(vault.open(row["options_sealed"]))


def shown(row: Row, vault: Vault) -> dict[str, object]:
    """The same with a mask in place of each secret; LookupError or ValueError as `open_row`."""
    found = kind_of(row["kind"]).options.model_validate(opened(row, vault))
    return found.model_dump(mode="json", exclude_defaults=True, exclude_unset=True)


def secret_names(kind: str, options: Mapping[str, object]) -> set[str]:
    """Which of these options are secrets, or have one in them; all of a kind that is gone, or
    that takes them no more."""
    try:
        found = kind_of(kind).options.model_validate(options).model_dump(mode="json")
    except (LookupError, ValueError):
        return set(options)
    return {name for name in options if _hides(found.get(name, MASK))}


def _hides(shown: object) -> bool:
    """An address with a secret parameter is none itself."""
    return shown == MASK if isinstance(shown, str) else MASK in json.dumps(shown)


def with_kept_secrets(row: Row, vault: Vault, options: Mapping[str, object]) -> dict[str, object]:
    """Options in which a mask stands for the secret that the row has there. ValidationFailedError
    where it would go to another peer: nobody gets to see it by naming another host."""
    before = opened(row, vault)
    told = {name: unmasked(value, before.get(name)) for name, value in options.items()}
    kept = [name for name in told if told[name] != options[name]]
    if kept and _peer(row["kind"], told) != _peer(row["kind"], before):
        raise _wrong({f"options.{name}": "Write the secret again: it would go to another peer."
                      for name in kept})  # fmt: skip
    _must_stay_hidden(row["kind"], told, options, kept)
    return told


def _must_stay_hidden(
    kind: str, told: Mapping[str, object], options: Mapping[str, object], kept: list[str]
) -> None:
    """Nobody gets to see a secret by saying that it is none, or takes a mask for one."""
    lost = [name for name in told if has_mask(told[name])]
    try:
        dumped = kind_of(kind).options.model_validate(told).model_dump(mode="json")
    except (LookupError, ValueError):
        dumped = {}  # it is refused, option by option
    seen = [name for name in kept if name in dumped and unmasked(options[name], dumped[name])
            != options[name]]  # fmt: skip
    if lost or seen:
        raise _wrong({f"options.{name}": "Write the secret again: nothing is known to keep here."
                      for name in {*lost, *seen}})  # fmt: skip


def _peer(kind: str, options: Mapping[str, object]) -> list[object]:
    fields = kind_of(kind).options.model_fields
    return [options.get(one, fields[one].default) for one in PEER if one in fields]


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


def _told(mistake: ErrorDetails) -> tuple[str, str]:
    first, *more = [str(one) for one in mistake["loc"]] or [""]
    where = ".".join([first, *more])
    return f"options.{first}".rstrip("."), f"{where or 'options'}: {mistake['msg']}"


def _wrong(messages: Mapping[str, str]) -> ValidationFailedError:
    return ValidationFailedError("; ".join(messages.values()), errors=[
        {"field": field, "code": "invalid", "message": text} for field, text in messages.items()
    ])  # fmt: skip
