"""A softphone on pyVoIP: registers, answers, speaks a tone and counts what it hears. For the
demo, for probes and for tests."""

import math
import queue
import secrets
import socket
import time
from dataclasses import dataclass
from typing import Any

# pyVoIP.SIP and pyVoIP.VoIP import each other: only this way in works.
from pyVoIP.VoIP.status import PhoneStatus
from pyVoIP.VoIP.VoIP import CallState, VoIPCall, VoIPPhone

SAMPLE_RATE = 8000
TONE_HZ = 440
LOUD = 12
"""Distance of a µ-law decoded 8-bit sample from silence that no comfort noise reaches."""
STEP_SECONDS = 0.05


class RegistrationRefused(Exception):
    """The PBX did not accept the user name and secret."""


@dataclass
class Heard:
    """RTP packets of one call: how many came, and how many of them were not silent."""

    packets: int = 0
    loud: int = 0


def free_udp_port(host: str) -> int:
    """A port that is free now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tried:
        tried.bind((host, 0))
        return int(tried.getsockname()[1])


class Softphone:
    """One phone on `host`; blocking, so call it from a thread where an event loop runs."""

    def __init__(self, server: str, username: str, secret: str, host: str = "127.0.0.1") -> None:
        pbx, _, port = server.rpartition(":")
        self._rung: queue.Queue[VoIPCall] = queue.Queue()
        first = free_udp_port(host)
        self._phone = VoIPPhone(
            pbx, int(port), username, secret, myIP=host, callCallback=self._rung.put,
            sipPort=free_udp_port(host), rtpPortLow=first, rtpPortHigh=first + 20,
        )  # fmt: skip
        # pyVoIP counts Call-IDs and branches from 1: the INVITE of a second phone would be taken
        # for the first one's, sent again, and wait for its answer for ever.
        self._phone.sip.callID.x = secrets.randbelow(1 << 60)

    def register(self, seconds: float = 5) -> None:
        """Raises RegistrationRefused, or TimeoutError from a PBX that does not answer."""
        self._phone.sip.register_timeout = math.ceil(seconds)  # pyVoIP's own is 30 s, and it blocks
        self._phone.start()  # pyVoIP swallows a refusal and tries twice more
        until = time.monotonic() + seconds
        while (status := self._phone.get_status()) != PhoneStatus.REGISTERED:
            if status == PhoneStatus.FAILED:
                raise RegistrationRefused("the PBX refused the user name and secret")
            if time.monotonic() > until:
                raise TimeoutError("the PBX does not answer REGISTER")
            time.sleep(STEP_SECONDS)

    def answer(self, seconds: float = 15) -> "Talk":
        """Wait for a call and take it; TimeoutError if none comes."""
        try:
            call = self._rung.get(timeout=seconds)
        except queue.Empty as error:
            raise TimeoutError(f"no call came in {seconds:g} s") from error
        call.answer()
        return Talk(call)

    def dial(self, number: str, seconds: float = 15) -> "Talk":
        """Call a number and wait until it answers; TimeoutError if it does not."""
        call = self._phone.call(number)
        _wait_for(call, CallState.ANSWERED, seconds)
        return Talk(call)

    def stop(self) -> None:
        """Hang up, deregister and close."""
        self._phone.stop()


class Talk:
    """An answered call of a softphone."""

    def __init__(self, call: VoIPCall) -> None:
        self.heard = Heard()
        self._call = call
        for client in call.RTPClients:
            _count(client, self.heard)

    def speak(self, seconds: float) -> None:
        """Send a tone of that length and return when it is out."""
        self._call.write_audio(tone(seconds))
        time.sleep(seconds)

    def hang_up(self) -> None:
        """End the call; one that has ended stays ended."""
        if self._call.state == CallState.ANSWERED:
            self._call.hangup()

    def ended(self, seconds: float = 5) -> None:
        """Wait until the far end has hung up; TimeoutError if it does not."""
        _wait_for(self._call, CallState.ENDED, seconds)


def tone(seconds: float) -> bytes:
    """Unsigned 8-bit samples of a sine, as pyVoIP takes them."""
    samples = int(seconds * SAMPLE_RATE)
    turn = 2 * math.pi * TONE_HZ / SAMPLE_RATE
    return bytes(128 + int(90 * math.sin(turn * number)) for number in range(samples))


def _wait_for(call: VoIPCall, state: CallState, seconds: float) -> None:
    until = time.monotonic() + seconds
    while call.state != state:
        if call.state == CallState.ENDED or time.monotonic() > until:
            raise TimeoutError(f"the call is {call.state.value.lower()}")
        time.sleep(STEP_SECONDS)


def _count(client: Any, heard: Heard) -> None:
    """pyVoIP counts nothing itself; its receiver calls this for every packet."""
    parse = client.parse_packet

    def counting(packet: bytes) -> Any:
        heard.packets += 1
        # A µ-law byte of 0xFF or 0x7F is silence; loud samples are spread over the whole range.
        heard.loud += len(set(packet[12:])) > LOUD
        return parse(packet)

    client.parse_packet = counting
