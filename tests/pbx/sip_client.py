"""SIP by hand: REGISTER and one INVITE with digest MD5, as a plain old phone does it; over UDP
unless another wire is given."""

import hashlib
import re
import time
from dataclasses import dataclass, field
from uuid import uuid4

from tests.pbx.sip_wires import UdpWire, Wire

SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 20998 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


@dataclass
class SipClient:
    """A user agent on a loopback port of its own."""

    host: str
    port: int
    username: str
    password: str
    contact: str = ""
    contact_user: str = ""
    local_port: int = 0
    realm: str = ""
    patience_seconds: float = 5
    sequence: int = 0
    wire: Wire | None = None
    answer: str = ""
    challenges: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.call_id = uuid4().hex
        self._dialog: tuple[str, str] | None = None
        self._wire = self.wire or UdpWire(self.host, self.port, self.local_port)
        self.address = self._wire.address
        self.contact = self.contact or f"{self.address};transport={self._wire.name.lower()}"

    def __enter__(self) -> "SipClient":
        return self

    def __exit__(self, *failure: object) -> None:
        self._wire.close()

    def register(self, expires: int = 120) -> int:
        """Final status of a REGISTER, sent again with credentials after a challenge."""
        uri = f"sip:{self.host}"
        to = f"<sip:{self.username}@{self.host}>"
        return self._authenticated("REGISTER", uri, to, f"Expires: {expires}\r\n", "")

    def invite(self, dialled: str, sdp: str = SDP) -> int:
        """First final status of an INVITE with credentials, with its SDP in `answer`; a 200 is
        acknowledged."""
        uri = f"sip:{dialled}@{self.host}"
        extra = "Content-Type: application/sdp\r\n"
        return self._authenticated("INVITE", uri, f"<{uri}>", extra, sdp)

    def serve(self, method: str, seconds: float = 5) -> float:
        """Wait for a request of the PBX, answer it 200; the time it came."""
        while not (request := self._wire.receive(seconds)).startswith(f"{method} "):
            pass
        came = time.time()
        kept = re.findall(r"(?im)^(?:Via|From|To|Call-ID|CSeq): .*$", request)
        lines = ["SIP/2.0 200 OK", *(line.rstrip() for line in kept), "Content-Length: 0", "", ""]
        self._wire.send("\r\n".join(lines))
        return came

    def bye(self) -> int:
        """Hang up the call that `invite` made; the final status."""
        return self.in_dialog("BYE")

    def in_dialog(self, method: str, extra: str = "") -> int:
        """Final status of a request in the call that `invite` made."""
        assert self._dialog, "there is no call"
        return self._transact(method, *self._dialog, extra, "")[0]

    def _authenticated(self, method: str, uri: str, to: str, extra: str, body: str) -> int:
        status, answer = self._transact(method, uri, to, extra, body)
        if status in (401, 407):
            self.challenges = re.findall(r"(?im)^(?:WWW|Proxy)-Authenticate: (.*?)\r$", answer)
            md5 = next(text for text in self.challenges if "SHA-256" not in text)
            header = "Authorization" if status == 401 else "Proxy-Authorization"
            credentials = f"{header}: {self._digest(md5, method, uri)}\r\n"
            status, _ = self._transact(method, uri, to, extra + credentials, body)
        return status

    def _digest(self, challenge: str, method: str, uri: str) -> str:
        values = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
        self.realm, nonce = values["realm"], values["nonce"]
        ha1 = _md5(f"{self.username}:{self.realm}:{self.password}")
        ha2 = _md5(f"{method}:{uri}")
        response = _md5(f"{ha1}:{nonce}:00000001:abcdef:auth:{ha2}")
        return (
            f'Digest username="{self.username}",realm="{self.realm}",nonce="{nonce}",'
            f'uri="{uri}",response="{response}",algorithm=MD5,qop=auth,nc=00000001,'
            f'cnonce="abcdef",opaque="{values.get("opaque", "")}"'
        )

    def _transact(self, method: str, uri: str, to: str, extra: str, body: str) -> tuple[int, str]:
        self.sequence += 1
        self._send(method, uri, to, extra, body)
        while True:
            answer = self._wire.receive(self.patience_seconds)
            status = int(answer.split(" ", 2)[1]) if answer.startswith("SIP/2.0 ") else 0
            if status >= 200 and f"CSeq: {self.sequence} " in answer:
                break
        self.answer = answer
        if method == "INVITE":
            tagged = re.search(r"(?im)^To: (.*?)\r$", answer)
            self._dialog = (uri, tagged[1] if tagged else to)
            self._send("ACK", *self._dialog, "", "")
        return status, answer

    def _send(self, method: str, uri: str, to: str, extra: str, body: str) -> None:
        user = f"<sip:{self.username}@{self.host}>;tag={self.call_id[:8]}"
        text = (
            f"{method} {uri} SIP/2.0\r\nVia: SIP/2.0/{self._wire.name} {self.address};rport"
            f";branch=z9hG4bK{self.call_id[:8]}{self.sequence}\r\nMax-Forwards: 70\r\n"
            f"From: {user}\r\nTo: {to}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {self.sequence} {method}\r\n"
            f"Contact: <sip:{self.contact_user or self.username}@{self.contact}>\r\n"
            f"{extra}Content-Length: {len(body)}\r\n\r\n{body}"
        )
        self._wire.send(text)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
