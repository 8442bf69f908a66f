"""The text of FastAGI: a request's header, and the commands that set a verdict."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

GRANT = "SV_GRANT"
COMMAND_BYTES_MAX = 1024

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class AgiError(Exception):
    """The session cannot go on; the channel gets no grant."""


class AgiHeaderError(AgiError):
    """What the peer sent is not the header of an AGI request."""


@dataclass(frozen=True)
class AgiRequest:
    """What a channel asks: the `agi_…` headers as Asterisk sent them."""

    fields: Mapping[str, str]

    @property
    def script(self) -> str:
        """The path of the agi:// address, such as `authorize`."""
        return self.fields.get("agi_network_script", "")

    @property
    def uniqueid(self) -> str:
        """The channel's own Uniqueid, told by Asterisk and not by the dialplan."""
        return self.fields["agi_uniqueid"]

    @property
    def arguments(self) -> tuple[str, ...]:
        """`agi_arg_1` and following, up to the first that is missing."""
        found: list[str] = []
        while (value := self.fields.get(f"agi_arg_{len(found) + 1}")) is not None:
            found.append(value)
        return tuple(found)


@dataclass(frozen=True)
class AgiVerdict:
    """Variables to set in order, then the grant if `granted`."""

    granted: bool
    variables: Mapping[str, str] = field(default_factory=dict)


def parse_header(header: bytes) -> AgiRequest:
    """Read `agi_name: value` lines; raises `AgiHeaderError` if they are not all of that form."""
    fields: dict[str, str] = {}
    for line in header.decode("utf-8", "replace").rstrip("\n").split("\n"):
        name, colon, value = line.partition(":")
        if not (colon and name.startswith("agi_")) or name in fields:
            raise AgiHeaderError("not an AGI header")
        fields[name] = value.strip()
    if not fields.get("agi_uniqueid"):
        raise AgiHeaderError("no agi_uniqueid")
    return AgiRequest(fields)


def verdict_commands(request: AgiRequest, verdict: AgiVerdict) -> list[bytes]:
    """All lines to send, checked before the first goes out; raises `AgiError`."""
    if GRANT in verdict.variables:
        raise AgiError(f"{GRANT} is set by the server alone")
    commands = [set_variable(name, value) for name, value in verdict.variables.items()]
    if verdict.granted:
        commands.append(set_variable(GRANT, request.uniqueid))
    return commands


def set_variable(name: str, value: str) -> bytes:
    """`SET VARIABLE name "value"` with quotes and backslashes escaped; raises `AgiError`."""
    if not _NAME.fullmatch(name):
        raise AgiError("not a plain variable name")
    if _CONTROL.search(value):
        raise AgiError(f"{name} holds a control character")
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    try:
        command = f'SET VARIABLE {name} "{escaped}"\n'.encode()
    except UnicodeEncodeError as error:
        raise AgiError(f"{name} is not valid Unicode") from error
    if len(command) > COMMAND_BYTES_MAX:
        raise AgiError(f"{name} is too long")
    return command
