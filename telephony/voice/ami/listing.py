"""Reads a whole AstDB family in a thread, over a connection of its own: a hundred thousand rows
would hold up the event loop, and the link on which new secrets go out."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from telephony.voice.ami.errors import AmiLoginRefused, AmiOutcomeUnknown, AmiRefused
from telephony.voice.ami.values import check_line, required

CONNECT_SECONDS_MAX = 5
SILENCE_SECONDS_MAX = 60
NOTHING = "Database entry not found"


@dataclass(frozen=True)
class AstDbReader:
    """Where and as whom to log in; every method blocks."""

    host: str
    port: int
    username: str
    secret: str = field(repr=False)

    def rows(self, family: str) -> Iterator[tuple[str, str]]:
        """Key within the family, and value, of every row; raises OSError or AmiError."""
        check_line("Family", required("Family", family))
        with (
            socket.create_connection((self.host, self.port), CONNECT_SECONDS_MAX) as peer,
            peer.makefile("rb") as lines,
        ):
            peer.settimeout(SILENCE_SECONDS_MAX)
            login = f"Username: {self.username}\r\nSecret: {self.secret}\r\nEvents: off"
            if refused := _ask(peer, lines, "Login", login):
                raise AmiLoginRefused(refused)
            refused = _ask(peer, lines, "DBGetTree", f"Family: {family}")
            if refused not in ("", NOTHING):
                raise AmiRefused(refused)
            if not refused:
                yield from _tree(lines, len(f"/{family}/"))


def _ask(peer: socket.socket, lines: BinaryIO, action: str, headers: str) -> str:
    """Why an action was refused; empty if it was not."""
    peer.sendall(f"Action: {action}\r\nActionID: {action}\r\n{headers}\r\n\r\n".encode())
    answer: dict[str, str] = {}
    while answer.get("ActionID") != action:
        answer = _block(lines)
    return "" if answer.get("Response") == "Success" else answer.get("Message", "refused")


def _block(lines: BinaryIO) -> dict[str, str]:
    block: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode(errors="replace").rstrip("\r\n").partition(": ")
        if colon:
            block[name] = value
        elif not name:
            return block
    raise AmiOutcomeUnknown("the connection was lost")


def _tree(lines: BinaryIO, prefix: int) -> Iterator[tuple[str, str]]:
    key = ""
    for line in lines:
        if line.startswith(b"Key: "):
            key = line[5:].decode(errors="replace").rstrip("\r\n")[prefix:]
        elif line.startswith(b"Val: "):
            yield key, line[5:].decode(errors="replace").rstrip("\r\n")
        elif line.startswith(b"Event: DBGetTreeComplete"):
            return
    raise AmiOutcomeUnknown("the connection was lost")
