"""A FastAGI server for faults: it grants, refuses, lies, dies or says nothing, as it is told."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Header = dict[str, str]
Answer = Callable[["AgiConnection"], None]
GRANT = {
    "SV_LEGS": "simulated:15550000001",
    "SV_TO": "+15550000001",
    "SV_CALLER_ID": "+15550111222",
    "SV_SECONDS": "30",
    "SV_RING_SECONDS": "5",
}


@dataclass
class AgiConnection:
    """One request of the dialplan, its header read."""

    link: socket.socket
    header: Header = field(default_factory=dict)

    def set(self, name: str, value: str) -> None:
        """Set a channel variable and wait for the answer."""
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        self.link.sendall(f'SET VARIABLE {name} "{escaped}"\n'.encode())
        answer = self.link.recv(1024)
        assert answer.startswith(b"200"), answer


def granting(**changes: str) -> Answer:
    """Set the usual grant with these changes, and last SV_GRANT (unless it is changed)."""

    def answer(connection: AgiConnection) -> None:
        values = GRANT | {"SV_GRANT": connection.header["agi_arg_1"]} | changes
        for name, value in values.items():
            connection.set(name, value)

    return answer


def refusing(cause: str) -> Answer:
    """Set a cause and no grant."""
    return lambda connection: connection.set("SV_CAUSE", cause)


@contextmanager
def agi_server(port: int, answer: Answer) -> Iterator[list[Header]]:
    """Serve with `answer` for each connection; the headers that came, in order."""
    headers: list[Header] = []
    with socket.create_server(("127.0.0.1", port)) as server:
        threading.Thread(target=_serve, args=(server, answer, headers), daemon=True).start()
        try:
            yield headers
        finally:
            server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket, answer: Answer, headers: list[Header]) -> None:
    while True:
        try:
            link, _ = server.accept()
        except OSError:
            return
        with link:
            connection = AgiConnection(link, _header(link))
            headers.append(connection.header)
            answer(connection)


def _header(link: socket.socket) -> Header:
    data = b""
    while not data.endswith(b"\n\n"):
        data += link.recv(4096)
    lines = data.decode().strip().splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line)
