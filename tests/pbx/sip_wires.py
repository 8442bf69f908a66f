"""What carries SIP: UDP datagrams, a TCP or TLS stream, frames of a secure WebSocket."""

import base64
import os
import re
import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Protocol


class Wire(Protocol):
    """`name` is the transport as the Via header names it, `address` our own end."""

    name: str
    address: str

    def send(self, text: str) -> None: ...

    def receive(self, seconds: float) -> str:
        """The next SIP message; TimeoutError if none comes."""
        ...

    def close(self) -> None: ...


class UdpWire:
    """A message is a datagram."""

    name = "UDP"

    def __init__(
        self, host: str, port: int, local_port: int = 0, local_host: str = "127.0.0.1"
    ) -> None:
        self._there = host, port
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((local_host, local_port))
        self.address = f"{local_host}:{self._socket.getsockname()[1]}"

    def send(self, text: str) -> None:
        self._socket.sendto(text.encode(), self._there)

    def receive(self, seconds: float) -> str:
        self._socket.settimeout(seconds)
        return self._socket.recv(65536).decode()

    def close(self) -> None:
        self._socket.close()


class StreamWire:
    """A message ends where its Content-Length says."""

    name = "TCP"

    def __init__(self, host: str, port: int) -> None:
        self._socket = self._connect(host, port)
        self._bytes = b""
        self.address = "{}:{}".format(*self._socket.getsockname())

    def _connect(self, host: str, port: int) -> socket.socket:
        return socket.create_connection((host, port), timeout=5)

    def send(self, text: str) -> None:
        self._socket.sendall(text.encode())

    def receive(self, seconds: float) -> str:
        self._socket.settimeout(seconds)
        head = self._until(b"\r\n\r\n").lstrip(b"\r\n")
        length = re.search(rb"(?im)^Content-Length: *(\d+)", head)
        return (head + self._exactly(int(length[1]) if length else 0)).decode()

    def close(self) -> None:
        self._socket.close()

    def _until(self, end: bytes) -> bytes:
        while end not in self._bytes.lstrip(b"\r\n"):
            self._more()
        self._bytes = self._bytes.lstrip(b"\r\n")
        return self._exactly(self._bytes.index(end) + len(end))

    def _exactly(self, size: int) -> bytes:
        while len(self._bytes) < size:
            self._more()
        taken, self._bytes = self._bytes[:size], self._bytes[size:]
        return taken

    def _more(self) -> None:
        came = self._socket.recv(65536)
        if not came:
            raise ConnectionError("the PBX closed the connection")
        self._bytes += came


class TlsWire(StreamWire):
    """Trusts one certificate file alone, and checks that it is the host's."""

    name = "TLS"

    def __init__(self, host: str, port: int, trusted: Path) -> None:
        self._context = ssl.create_default_context(cafile=str(trusted))
        super().__init__(host, port)

    def _connect(self, host: str, port: int) -> socket.socket:
        self._link = self._context.wrap_socket(super()._connect(host, port), server_hostname=host)
        return self._link

    def close(self) -> None:
        # Asterisk complains of a link that ends without the goodbye of TLS.
        with suppress(OSError):
            self._link.settimeout(1)
            self._link.unwrap()
        super().close()


class WebSocketWire(TlsWire):
    """RFC 7118: a message is a frame of a WebSocket whose protocol is `sip`."""

    name = "WSS"
    TEXT = 0x81
    CLOSE = 0x88
    MASKED = 0x80

    def __init__(self, host: str, port: int, trusted: Path) -> None:
        super().__init__(host, port, trusted)
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Protocol: sip\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.greeting = self._until(b"\r\n\r\n").decode()
        assert self.greeting.startswith("HTTP/1.1 101 "), self.greeting

    def send(self, text: str) -> None:
        data, mask = text.encode(), os.urandom(4)
        head = bytes([self.TEXT, self.MASKED | 126]) + len(data).to_bytes(2, "big") + mask
        self._socket.sendall(head + bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)))

    def close(self) -> None:
        self._socket.sendall(bytes([self.CLOSE, self.MASKED, 0, 0, 0, 0]))
        with suppress(OSError):
            self.receive(1)
        super().close()

    def receive(self, seconds: float) -> str:
        self._socket.settimeout(seconds)
        while True:
            kind, size = self._exactly(2)
            size = int.from_bytes(self._exactly(2), "big") if size == 126 else size
            data = self._exactly(size)
            if kind & 0x0F in (1, 2):
                return data.decode()
