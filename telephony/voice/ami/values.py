"""The one place that decides what may be written as a line of a manager action.

Asterisk ends a line at a bare LF too, ends an action at a blank line and throws away lines of
more than 1,024 bytes, so a value that carries one of these would become an action of its own.
"""

import re
from collections.abc import Mapping

from telephony.voice.ami.errors import AmiValueError

LINE_BYTES_MAX = 1024
HEADERS_MAX = 126  # Asterisk keeps 128, and two are Action and ActionID.
CHANNEL_ID_BYTES_MAX = 149
LINE_END_BYTES = 2

Headers = Mapping[str, str | list[str]]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
_DIALLED = re.compile(r"(PJSIP|Local)/[A-Za-z0-9+_.@/-]{1,200}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")
_CALLER = re.compile(r'[^"<>\\]*')


def check_headers(headers: Headers) -> Headers:
    """Return the headers unchanged, or raise `AmiValueError` naming the one that cannot be sent."""
    count = 0
    for name, value in headers.items():
        for line in value if isinstance(value, list) else [value]:
            check_line(name, line)
            count += 1
    if count > HEADERS_MAX:
        raise AmiValueError(f"{count} headers, at most {HEADERS_MAX}")
    return headers


def check_line(name: str, value: str) -> str:
    """Return `value` if `name: value` is one line of at most 1,024 bytes without controls."""
    if _CONTROL.search(value):
        raise AmiValueError(f"{name} holds a control character")
    try:
        size = len(f"{name}: {value}".encode()) + LINE_END_BYTES
    except UnicodeEncodeError as error:
        raise AmiValueError(f"{name} is not valid Unicode") from error
    if size > LINE_BYTES_MAX:
        raise AmiValueError(f"{name} makes a line of {size} bytes, at most {LINE_BYTES_MAX}")
    return value


def required(name: str, value: str) -> str:
    """Return a value that is not empty: an empty Channel makes Setvar set a global variable."""
    if not value.strip():
        raise AmiValueError(f"{name} is empty")
    return value


def exact_channel(value: str) -> str:
    """Return a channel's name or unique id; `/…/` is refused, Hangup takes it as a pattern."""
    if value.startswith("/"):
        raise AmiValueError("Channel is a pattern")
    return required("Channel", value)


def channel_id(value: str) -> str:
    """Return an id that Asterisk takes for a Uniqueid: not empty, at most 149 bytes."""
    if len(value.encode(errors="replace")) > CHANNEL_ID_BYTES_MAX:
        raise AmiValueError(f"ChannelId has more than {CHANNEL_ID_BYTES_MAX} bytes")
    return required("ChannelId", value)


def dialled_channel(value: str) -> str:
    """Return `PJSIP/…` or `Local/…` in the few characters that a built channel needs."""
    if not _DIALLED.fullmatch(value):
        raise AmiValueError("Channel is not PJSIP/… or Local/…")
    return value


def variable_name(value: str) -> str:
    """Return a plain variable's name; a function such as `SHELL()` is refused."""
    if not _VARIABLE.fullmatch(value):
        raise AmiValueError("Variable is not a plain name")
    return value


def plain_name(name: str, value: str) -> str:
    """Return the name of an endpoint; a bracket or comma would end a function's argument."""
    if not _NAME.fullmatch(value):
        raise AmiValueError(f"{name} is not a plain name")
    return value


def assignments(variables: Mapping[str, str]) -> list[str]:
    """Return `name=value` each; commas are refused, Asterisk splits there into variables."""
    for name, value in variables.items():
        if "," in value:
            raise AmiValueError(f"{name} holds a comma")
    return [f"{variable_name(name)}={value}" for name, value in variables.items()]


def caller(name: str, number: str) -> str:
    """Return `"name" <number>`; quotes and angle brackets are refused, they would forge a part."""
    if not _CALLER.fullmatch(name) or not _CALLER.fullmatch(number):
        raise AmiValueError("CallerID holds a quote or an angle bracket")
    return f'"{name}" <{number}>'
