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


def _ask(method: str, cseq: int, body: str = "") -> str:
    """A request to the caller, within the call that it began."""
    kind = "Content-Type: application/sdp\n" if body else ""
    text = (
        f"{method} [next_url] SIP/2.0\n"
        "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n"
        "From: [$to];tag=[pid]SIPp[call_number]\nTo: [$from]\nCall-ID: [call_id]\n"
        f"CSeq: {cseq} {method}\n{CONTACT}Max-Forwards: 70\n{kind}Content-Length: [len]\n\n{body}"
    )
    return f"<send><![CDATA[\n{text}\n]]></send>"


def _scenario(*steps: str) -> str:
    body = "".join(steps)
    return f'<?xml version="1.0" encoding="us-ascii"?><scenario name="uas">{body}</scenario>'


INVITE = '<recv request="INVITE"/>'
ACK = '<recv request="ACK"/>'


BYE = '<recv request="BYE"/>'
CANCEL = '<recv request="CANCEL"/>'
OK = _send("200 OK")
TAKEN = _send("200 OK", body=SDP) + ACK
RINGS = _send("180 Ringing")
EARLY_MEDIA = _send("183 Session Progress", body=SDP)
OF_INVITE = "CSeq: [last_cseq_number] INVITE"
CANCELED = CANCEL + OK + _send("487 Request Terminated", OF_INVITE) + ACK


def _pause(milliseconds: int) -> str:
    return f'<pause milliseconds="{milliseconds}"/>'


def _answer(ring_milliseconds: int) -> str:
    return RINGS + _pause(ring_milliseconds) + TAKEN + BYE + OK


def _asks_again() -> str:
    """A re-INVITE in mid-call, as carriers send them to refresh a session."""
    again = _ask("INVITE", 1, SDP) + '<recv response="100" optional="true"/><recv response="200"/>'
    return RINGS + TAKEN + _pause(300) + again + _ask("ACK", 1) + BYE + OK


def _leaves() -> str:
    return _ask("BYE", 1) + '<recv response="200"/>'


def _answers_the_canceled() -> str:
    """CANCEL and 200 meet on the wire: the carrier took the call already."""
    return RINGS + CANCEL + OK + _send("200 OK", OF_INVITE, SDP) + ACK + BYE + OK


def answering(ring_milliseconds: int = 50) -> str:
    """A phone that rings, answers, and stays until the other side hangs up."""
    return _scenario(INVITE, _answer(ring_milliseconds))


def ringing() -> str:
    """A phone that rings until it is canceled."""
    return _scenario(INVITE, RINGS + CANCELED)


def leaving(talk_milliseconds: int) -> str:
    """A phone that answers at once and hangs up after a while."""
    noted = f'<recv request="INVITE" rrs="true"><action>{PARTIES}</action></recv>'
    return _scenario(noted, TAKEN + _pause(talk_milliseconds) + _leaves())


def refusing(status: str) -> str:
    """A phone that answers every INVITE with that status line, for example `486 Busy Here`."""
    return _scenario(INVITE, _send(status), ACK)


LOGGED = (
    '<ereg regexp="sip:[^@]*@" search_in="hdr" header="To:" assign_to="called"/>'
    '<ereg regexp="sip:[^@]*@" search_in="hdr" header="From:" assign_to="caller"/>'
    '<log message="INVITE [$called] FROM [$caller]"/>'
)
"""Once per call, however often a lost INVITE is sent again."""
PARTIES = (
    '<ereg regexp="&lt;.*" search_in="hdr" header="To:" assign_to="to"/>'
    '<ereg regexp="[^ ].*" search_in="hdr" header="From:" assign_to="from"/>'
)
"""For requests of the side that was called."""
REFUSALS = {
    "0403": "403 Forbidden",
    "0404": "404 Not Found",
    "0408": "408 Request Timeout",
    "0480": "480 Temporarily Unavailable",
    "0484": "484 Address Incomplete",
    "0486": "486 Busy Here",
    "0488": "488 Not Acceptable Here",
    "0500": "500 Server Internal Error",
    "0503": "503 Service Unavailable",
    "0600": "600 Busy Everywhere",
    "0603": "603 Decline",
}
CARRIER = {
    **{digits: _send(status) + ACK for digits, status in REFUSALS.items()},
    "0180": RINGS + CANCELED,
    "0183": EARLY_MEDIA + CANCELED,
    "0283": EARLY_MEDIA + _pause(500) + TAKEN + BYE + OK,
    "0700": _answer(700),
    "0020": RINGS + TAKEN + _pause(200) + _leaves(),
    "0016": RINGS + TAKEN + _pause(1000) + _leaves(),
    "0200": _asks_again(),
    "0487": _answers_the_canceled(),
    "0999": _pause(60_000),
}


def carrier() -> str:
    """A trunk's other end; the last four digits decide: 0 and the status that it refuses with;
    0180 rings until canceled and 0183 sends early media; 0283 answers after early media, 0700
    after 700 ms; 0020 hangs up after 200 ms and 0016 after 1 s; 0200 sends a re-INVITE; 0487
    answers a call that is canceled; 0999 says nothing at all; any other is answered at once."""
    # The qualifying OPTIONS is a call of its own to SIPp.
    choices, branches = "", ""
    for at, (digits, steps) in enumerate(CARRIER.items(), 1):
        choices += f'<ereg regexp="{digits}@" search_in="hdr" header="To:" assign_to="{at}"/>'
        branches += f'<label id="{at}"/>{steps}<nop next="90"/>'
    jumps = "".join(f'<nop next="{at}" test="{at}"/>' for at in range(1, len(CARRIER) + 1))
    return _scenario(
        '<recv request="OPTIONS" optional="true" next="80"/>',
        f'<recv request="INVITE" rrs="true"><action>{choices}{LOGGED}{PARTIES}</action></recv>'
        f"{jumps}",
        _answer(50) + '<nop next="90"/>',
        branches,
        '<label id="80"/>' + OK + '<label id="90"/>',
    )


AUDIO_PORTS_ON = 10_000
"""Audio comes so far after the port itself, video two ports later (`tests.ports`)."""


@contextmanager
def sipp(scenario: str, port: int, folder: Path) -> Iterator[None]:
    """SIPp on a loopback UDP port with that scenario for as many calls as come."""
    file = folder / f"uas-{port}.xml"
    file.write_text(scenario)
    command = [
        "sipp", "-sf", str(file), "-i", "127.0.0.1", "-p", str(port), "-nostdin",
        "-mp", str(port + AUDIO_PORTS_ON), "-trace_logs", "-log_file", str(log_of(port, folder)),
    ]  # fmt: skip
    said = folder / f"uas-{port}.err"
    with said.open("w") as stderr:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=stderr, cwd=folder)
    try:
        assert _listens(process, port), said.read_text()
        yield
    finally:
        process.kill()
        process.wait()


def log_of(port: int, folder: Path) -> Path:
    """Where SIPp writes what its scenario logs."""
    return folder / f"uas-{port}.log"


def invites(port: int, folder: Path) -> Counter[str]:
    """How many calls a `carrier` has had of each number."""
    return Counter(re.findall(r"INVITE sip:(\S+)@", log_of(port, folder).read_text()))


def callers(port: int, folder: Path) -> dict[str, str]:
    """Whom a `carrier` saw calling, by the number that was called."""
    return dict(re.findall(r"INVITE sip:(\S+)@ FROM sip:(\S+)@", log_of(port, folder).read_text()))


def _listens(process: "subprocess.Popen[bytes]", port: int) -> bool:
    """Looks at the kernel's table: trying to bind the port could take it from SIPp."""
    entry = f"0100007F:{port:04X} "
    while entry not in Path("/proc/net/udp").read_text():
        if process.poll() is not None:
            return False
        time.sleep(0.01)
    return True
