"""SIPp as a carrier or a phone that is called: a scenario per way to answer."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

COMMON = "[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]SIPp[call_number]\n[last_Call-ID:]\n"
CONTACT = "Contact: <sip:[local_ip]:[local_port]>\n"
SDP = (
    "v=0\no=- 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [media_ip]\nt=0 0\n"
    "m=audio [media_port] RTP/AVP 0\na=rtpmap:0 PCMU/8000\n"
)


def _send(status: str, cseq: str = "[last_CSeq:]", body: str = "") -> str:
    kind = "Content-Type: application/sdp\n" if body else ""
    text = f"SIP/2.0 {status}\n{COMMON}{cseq}\n{CONTACT}{kind}Content-Length: [len]\n\n{body}"
    return f"<send><![CDATA[\n{text}\n]]></send>"


def _scenario(*steps: str) -> str:
    # A qualifying OPTIONS is a call of its own, answered first.
    options = '<recv request="OPTIONS" optional="true" next="9"/><recv request="INVITE"/>'
    end = '<nop next="10"/><label id="9"/>' + _send("200 OK") + '<label id="10"/>'
    body = "".join((options, *steps, end))
    return f'<?xml version="1.0" encoding="us-ascii"?><scenario name="uas">{body}</scenario>'


def answering(ring_milliseconds: int = 50) -> str:
    """Rings, answers, and stays until the other side hangs up."""
    return _scenario(
        _send("180 Ringing"),
        f'<pause milliseconds="{ring_milliseconds}"/>',
        _send("200 OK", body=SDP),
        '<recv request="ACK"/><recv request="BYE"/>',
        _send("200 OK"),
    )


def refusing(status: str) -> str:
    """Answers every INVITE with that status line, for example `486 Busy Here`."""
    return _scenario(_send(status), '<recv request="ACK"/>')


def ringing() -> str:
    """Rings until it is cancelled."""
    return _scenario(
        _send("180 Ringing"),
        '<recv request="CANCEL"/>',
        _send("200 OK"),
        _send("487 Request Terminated", "CSeq: [last_cseq_number] INVITE"),
        '<recv request="ACK"/>',
    )


@contextmanager
def sipp(scenario: str, port: int, folder: Path) -> Iterator[None]:
    """SIPp on a loopback UDP port with that scenario for as many calls as come."""
    file = folder / f"uas-{port}.xml"
    file.write_text(scenario)
    command = ["sipp", "-sf", str(file), "-i", "127.0.0.1", "-p", str(port), "-nostdin"]
    with subprocess.Popen(
        [*command, "-mp", str(port + 10000)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    ) as process:
        try:
            _wait_until_bound(process, port)
            yield
        finally:
            process.kill()


def _wait_until_bound(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Looks at the kernel's table: trying to bind the port could take it from SIPp."""
    entry = f"0100007F:{port:04X} "
    while entry not in Path("/proc/net/udp").read_text():
        assert process.poll() is None, "SIPp ended"
        time.sleep(0.01)
