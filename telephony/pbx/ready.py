"""Whether Asterisk is up and its ports are free to take."""

import asyncio
import contextlib
import socket

from telephony.secrets import Secrets
from telephony.settings import Settings


async def fully_booted(settings: Settings, secrets: Secrets) -> None:
    """Return once AMI says FullyBooted; waits for ever, so give it a timeout."""
    while True:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await _booted(settings, secrets)
            return
        await asyncio.sleep(0.05)


async def _booted(settings: Settings, secrets: Secrets) -> None:
    reader, writer = await asyncio.open_connection(settings.ami_host, settings.ami_port)
    try:
        login = f"Username: provisioning\r\nSecret: {secrets.ami_provisioning}\r\n"
        writer.write(f"Action: Login\r\n{login}\r\n".encode())
        await reader.readuntil(b"Event: FullyBooted\r\n")
        writer.write(b"Action: Logoff\r\n\r\n")
        await writer.drain()
    finally:
        writer.close()


def ports_in_use(settings: Settings) -> list[str]:
    """One sentence for each port that is taken: its setting, number and protocol."""
    wanted = [
        ("SMS_VOIP_HTTP_PORT", settings.bind_host, settings.http_port, "TCP"),
        ("SMS_VOIP_SIP_PORT", settings.bind_host, settings.sip_port, "UDP"),
        ("SMS_VOIP_SIP_PORT", settings.bind_host, settings.sip_port, "TCP"),
        ("SMS_VOIP_SIPS_PORT", settings.bind_host, settings.sips_port, "TCP"),
        ("SMS_VOIP_WSS_PORT", settings.bind_host, settings.wss_port, "TCP"),
        ("SMS_VOIP_AMI_PORT", settings.ami_host, settings.ami_port, "TCP"),
        ("SMS_VOIP_AGI_PORT", settings.agi_host, settings.agi_port, "TCP"),
        ("SMS_VOIP_METRICS_PORT", settings.metrics_host, settings.metrics_port, "TCP"),
    ]
    return [
        f"{setting}: {protocol} port {port} on {host} is in use"
        for setting, host, port, protocol in wanted
        if not _free(host, port, protocol)
    ]


def _free(host: str, port: int, protocol: str) -> bool:
    kind = socket.SOCK_DGRAM if protocol == "UDP" else socket.SOCK_STREAM
    family, _, _, _, address = socket.getaddrinfo(host, port, type=kind)[0]
    with socket.socket(family, kind) as tried:
        if protocol == "TCP":
            # A port that only waits out old connections is free for a server.
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(address)
        except OSError:
            return False
    return True
