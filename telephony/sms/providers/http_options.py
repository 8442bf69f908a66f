"""What an operator may set of an HTTP provider, and the small language of its templates."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_serializer

from telephony.sms.alphabets import Encoding
from telephony.sms.providers.base import ReceiptState
from telephony.sms.providers.masks import masked, masked_url

_PLACE = re.compile(r"\{([a-z_]+)\}")


class HttpInbound(BaseModel):
    """Paths are names and places of a list, by dots; a report with a status is a receipt."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    secret: Annotated[SecretStr, Field(min_length=16)]
    proof: Literal["hmac", "token"] = "hmac"
    """`hmac`: the header has the HMAC-SHA256 of the body, in hex; `token`: the secret itself."""
    header: str = "X-Signature"
    items_path: str = ""
    """Where a list of reports is; empty: the whole body is one, or a list."""
    id_path: str = "id"
    from_path: str = "from"
    to_path: str = "to"
    text_path: str = "text"
    status_path: str = "status"
    error_path: str = "code"


class HttpOptions(BaseModel):
    """One JSON API. In `body`, `{to}`, `{from}`, `{text}`, `{message_id}`, `{validity_seconds}`
    stand for what a message has; in `status_url`, `{id}` for what the API called it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str
    method: Literal["POST", "PUT"] = "POST"
    headers: dict[str, SecretStr] = {}
    body: dict[str, object] = {"to": "{to}", "from": "{from}", "text": "{text}"}
    id_path: str = "id"
    """Where an answer has the id: names and places of a list, by dots."""
    error_path: str = "code"
    """Where a refusal has its code."""
    encodings: frozenset[Encoding] = frozenset({Encoding.GSM7, Encoding.UCS2})
    window: Annotated[int, Field(ge=1, le=1000)] = 10
    """Requests that wait for an answer at once."""
    unknown_outcome: Literal["wait", "resend"] = "wait"
    """`resend` only where the API knows a repeated `{message_id}`."""
    status_url: str = ""
    """Asked for receipts; empty: there are none."""
    status_path: str = "status"
    states: dict[str, ReceiptState] = {state.value: state for state in ReceiptState}
    """What its words mean; another word is no news."""
    inbound: HttpInbound | None = None
    """What it pushes to us by itself."""
    poll_seconds: Annotated[float, Field(gt=0, le=3600)] = 5
    secret_fields: frozenset[str] = frozenset()
    """Fields of `body` and parameters of the URLs that are secret though their name does not say
    so."""

    @field_serializer("body", when_used="json")
    def _body_shown(self, body: dict[str, object]) -> object:
        return masked(body, self.secret_fields)

    @field_serializer("url", "status_url", when_used="json")
    def _url_shown(self, url: str) -> str:
        return masked_url(url, self.secret_fields)


def filled(template: object, values: Mapping[str, str | int]) -> object:
    """A JSON value with the places in its strings filled; a string that is one place alone keeps
    the value's type. Other braces stay as they are."""
    if isinstance(template, dict):
        return {name: filled(value, values) for name, value in template.items()}
    if isinstance(template, list):
        return [filled(value, values) for value in template]
    if not isinstance(template, str):
        return template
    alone = _PLACE.fullmatch(template)
    if alone and alone[1] in values:
        return values[alone[1]]
    return _PLACE.sub(lambda place: str(values.get(place[1], place[0])), template)


def found(answer: object, path: str) -> str:
    """The text or number at a path of a JSON value, "" where there is none."""
    value = at(answer, path)
    plain = isinstance(value, str | int) and not isinstance(value, bool)
    return str(value) if plain else ""


def at(answer: object, path: str) -> object:
    """What is at a path of a JSON value, None where there is nothing."""
    for name in path.split("."):
        if isinstance(answer, list) and name.isdigit() and int(name) < len(answer):
            answer = answer[int(name)]
        elif isinstance(answer, dict):
            answer = answer.get(name)
        else:
            return None
    return answer
