"""What providers push to us by HTTP, each to the URL of its name."""

import json
from collections.abc import Mapping, Sequence

from db import sms_providers
from db.connection import Conn, Reader
from telephony.clock import Instant
from telephony.errors import MalformedJsonError, SignatureInvalidError, ValidationFailedError
from telephony.secrets import Vault
from telephony.sms import inbound, receipts
from telephony.sms.providers.base import Inbound, Receipt, Report
from telephony.sms.providers.http_inbound import proved, reports
from telephony.sms.providers.http_options import HttpOptions

KIND = "http"


async def read(
    reader: Reader, vault: Vault, name: str, headers: Mapping[str, str], body: bytes
) -> list[Report]:
    """The reports of a provider that proved itself; raises SignatureInvalidError, also where
    there is no such provider, and the 400 errors."""
    row = await sms_providers.find(reader, name) if name.isprintable() else None
    if row is None or row["kind"] != KIND:
        raise SignatureInvalidError
    options = HttpOptions.model_validate_json(vault.open(row["options_sealed"]))
    if options.inbound is None or not proved(options.inbound, headers, body):
        raise SignatureInvalidError
    try:
        return reports(name, options.inbound, options.states, _json(body))
    except ValueError as error:
        mistake = {"field": "body", "code": "unreadable", "message": str(error)}
        raise ValidationFailedError(f"{error}.", errors=[mistake]) from error


def take(conn: Conn, told: Sequence[Report], now: Instant) -> None:
    """Keep what was pushed; what was told before changes nothing."""
    receipts.take(conn, [one for one in told if isinstance(one, Receipt)], now)
    inbound.receive(conn, [one for one in told if isinstance(one, Inbound)], now)


def _json(body: bytes) -> object:
    try:
        parsed: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedJsonError(f"The body is not JSON: {error}.") from error
    return parsed
