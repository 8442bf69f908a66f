"""A raw, blocking AMI client: what the tests say to Asterisk without the platform's own link."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from tests.patience import PATIENCE_SECONDS

Packet = dict[str, str]
_action_ids = count(1)


class AmiClient:
    """One logged-in connection; events that arrive meanwhile are kept in `events`."""

    def __init__(self, host: str, port: int) -> None:
        self.events: list[Packet] = []
        self._socket = socket.create_connection((host, port), timeout=5)
        self._buffer = b""
        self._line()

    def close(self) -> None:
        self._socket.close()

    def send(self, action: str, *variables: str, **headers: object) -> Packet:
        """The response to one action; `variables` are `Variable` headers."""
        action_id = f"test-{next(_action_ids)}"
        lines = [f"Action: {action}", f"ActionID: {action_id}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Variable: {value}" for value in variables]
        self._socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while True:
            packet = self._packet(5)
            if "Response" in packet and packet.get("ActionID") == action_id:
                return packet
            self.events.append(packet)

    def wait(self, event: str, seconds: float = PATIENCE_SECONDS, **wanted: str) -> Packet:
        """The first event of that name with those headers, also one that came before."""
        return self.wait_for(
            lambda packet: (
                packet.get("Event") == event
                and all(packet.get(key) == value for key, value in wanted.items())
            ),
            seconds,
        )

    def wait_for(self, fits: Callable[[Packet], bool], seconds: float = PATIENCE_SECONDS) -> Packet:
        """The first packet that fits, also one that came before; AssertionError if none comes."""
        for packet in self.events:
            if fits(packet):
                return packet
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            try:
                packet = self._packet(left)
            except TimeoutError:
                break
            self.events.append(packet)
            if fits(packet):
                return packet
        raise AssertionError(f"no such AMI event in {seconds} s")

    def rows(self, action: str, end: str, **headers: object) -> list[Packet]:
        """The events of a list action up to the one named `end`."""
        answer = self.send(action, **headers)
        assert answer["Response"] == "Success", answer
        self.wait(end, ActionID=answer["ActionID"])
        return [
            event
            for event in self.events
            if event.get("ActionID") == answer["ActionID"] and event.get("Event") != end
        ]

    def _packet(self, seconds: float) -> Packet:
        self._socket.settimeout(seconds)
        packet: Packet = {}
        while line := self._line():
            name, _, value = line.partition(":")
            packet[name] = value.strip()
        return packet

    def _line(self) -> str:
        while b"\r\n" not in self._buffer:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionResetError("Asterisk closed the AMI connection")
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line.decode()


@contextmanager
def ami_client(host: str, port: int, user: str, secret: str) -> Iterator[AmiClient]:
    """A client that is logged in and has seen FullyBooted."""
    client = AmiClient(host, port)
    try:
        answer = client.send("Login", Username=user, Secret=secret)
        assert answer["Response"] == "Success", answer
        client.wait("FullyBooted")
        yield client
    finally:
        client.close()
