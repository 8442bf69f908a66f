"""SIPp as a carrier or a phone that is called: a scenario per way to answer."""

import re
import subprocess
import time
from collections import Counter
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
    body = "".join(steps)
    return f'<?xml version="1.0" encoding="us-ascii"?><scenario name="uas">{body}</scenario>'


INVITE = '<recv request="INVITE"/>'
ACK = '<recv request="ACK"/>'


def _answer(ring_milliseconds: int) -> str:
    rings = _send("180 Ringing") + f'<pause milliseconds="{ring_milliseconds}"/>'
    return rings + _send("200 OK", body=SDP) + ACK + '<recv request="BYE"/>' + _send("200 OK")


def _ring() -> str:
    canceled = _send("487 Request Terminated", "CSeq: [last_cseq_number] INVITE")
    return _send("180 Ringing") + '<recv request="CANCEL"/>' + _send("200 OK") + canceled + ACK


def answering(ring_milliseconds: int = 50) -> str:
    """A phone that rings, answers, and stays until the other side hangs up."""
    return _scenario(INVITE, _answer(ring_milliseconds))


def refusing(status: str) -> str:
    """A phone that answers every INVITE with that status line, for example `486 Busy Here`."""
    return _scenario(INVITE, _send(status), ACK)


LOGGED = (
    '<ereg regexp="sip:[^@]*@" search_in="hdr" header="To:" assign_to="called"/>'
    '<log message="INVITE [$called]"/>'
)
"""Once per call, however often a lost INVITE is sent again."""
CARRIER = {
    "0486": _send("486 Busy Here") + ACK,
    "0503": _send("503 Service Unavailable") + ACK,
    "0404": _send("404 Not Found") + ACK,
    "0403": _send("403 Forbidden") + ACK,
    "0480": _send("480 Temporarily Unavailable") + ACK,
    "0180": _ring(),
    "0700": _answer(700),
}


def carrier() -> str:
    """A trunk's other end; the last four digits decide: refuse with 0 + that status, 0180 ring
    until canceled, 0700 answer after 700 ms, any other answer at once."""
    # The qualifying OPTIONS is a call of its own to SIPp.
    choices, branches = "", ""
    for at, (digits, steps) in enumerate(CARRIER.items(), 1):
        choices += f'<ereg regexp="{digits}@" search_in="hdr" header="To:" assign_to="{at}"/>'
        branches += f'<label id="{at}"/>{steps}<nop next="90"/>'
    jumps = "".join(f'<nop next="{at}" test="{at}"/>' for at in range(1, len(CARRIER) + 1))
    return _scenario(
        '<recv request="OPTIONS" optional="true" next="80"/>',
        f'<recv request="INVITE"><action>{choices}{LOGGED}</action></recv>{jumps}',
        _answer(50) + '<nop next="90"/>',
        branches,
        '<label id="80"/>' + _send("200 OK") + '<label id="90"/>',
    )


@contextmanager
def sipp(scenario: str, port: int, folder: Path) -> Iterator[None]:
    """SIPp on a loopback UDP port with that scenario for as many calls as come."""
    file = folder / f"uas-{port}.xml"
    file.write_text(scenario)
    command = ["sipp", "-sf", str(file), "-i", "127.0.0.1", "-p", str(port), "-nostdin"]
    with subprocess.Popen(
        [*command, "-mp", str(port + 10000), "-trace_logs", "-log_file", str(log_of(port, folder))],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    ) as process:
        try:
            _wait_until_bound(process, port)
            yield
        finally:
            process.kill()


def log_of(port: int, folder: Path) -> Path:
    """Where SIPp writes what its scenario logs."""
    return folder / f"uas-{port}.log"


def invites(port: int, folder: Path) -> Counter[str]:
    """How many calls a `carrier` has had of each number."""
    return Counter(re.findall(r"INVITE sip:(\S+)@", log_of(port, folder).read_text()))


def _wait_until_bound(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Looks at the kernel's table: trying to bind the port could take it from SIPp."""
    entry = f"0100007F:{port:04X} "
    while entry not in Path("/proc/net/udp").read_text():
        assert process.poll() is None, "SIPp ended"
        time.sleep(0.01)
