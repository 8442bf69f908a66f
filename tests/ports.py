"""Ports for tests, on loopback."""

import os
import random
import socket
from itertools import cycle

PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
"""Which of the test processes that run side by side this one is; each has ports of its own."""
PROCESSES_MAX = 4
PORTS = range(15_000, 20_000, 4)
"""Each with room after it: SIPp binds two ports for audio and video, both made from its own."""
RTP_PORTS = range(20_000, 25_000)
"""SIPp's audio comes after these."""
RTP_PORTS_OF_ONE = 200


def own(ports: range) -> range:
    """The part of the ports that belongs to this test process."""
    each = len(ports) // PROCESSES_MAX
    return ports[PROCESS * each : (PROCESS + 1) * each]


# In turn: one that was given away may not be bound yet.
_ports = cycle(random.sample(own(PORTS), len(own(PORTS))))


def free_port() -> int:
    """A loopback port that is free for UDP and TCP, outside the kernel's ephemeral range."""
    for port in _ports:
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as tried:
                    tried.bind(("127.0.0.1", port))
        except OSError:
            continue
        return port
    raise AssertionError("the ports go round for ever")


_rtp_ports = cycle(own(RTP_PORTS)[::RTP_PORTS_OF_ONE][:-1])


def next_rtp_port() -> int:
    """The first of `RTP_PORTS_OF_ONE` ports for the audio of an Asterisk."""
    return next(_rtp_ports)
