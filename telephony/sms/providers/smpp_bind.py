"""Keeps one bind up: connects, binds, and does both again with growing pauses."""

import asyncio
import contextlib
import logging
import random
import ssl

from telephony.sms.providers.base import ProviderError, Sink
from telephony.sms.providers.smpp_options import SmppOptions, Tls
from telephony.sms.providers.smpp_outbox import Outbox
from telephony.sms.providers.smpp_pdu import PduError
from telephony.sms.providers.smpp_session import Direction, Session

log = logging.getLogger(__name__)


class Bind:
    """One task; `session` is there while the bind stands."""

    def __init__(
        self, options: SmppOptions, direction: Direction, outbox: Outbox, provider: str, sink: Sink
    ) -> None:
        self.direction = direction
        self.session: Session | None = None
        self.detail = "not bound yet"
        self._options = options
        self._outbox = outbox
        self._provider = provider
        self._sink = sink
        self._stopping = False
        self._task = asyncio.create_task(self._keep_up(), name=f"smpp-bind-{provider}")

    async def stop(self) -> None:
        """Drain, unbind, close; bounded by `drain_seconds` and some."""
        session, self.session = self.session, None
        self._stopping, self.detail = True, "stopped"
        if session is not None:
            await session.close()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _keep_up(self) -> None:
        options, failures = self._options, 0
        loop, peer = asyncio.get_running_loop(), f"{options.host}:{options.port}"
        while not self._stopping:
            started = loop.time()
            try:
                self.detail = await self._one_link()
            except (OSError, TimeoutError, ProviderError, PduError) as error:
                self.detail = f"no bind to {peer}: {str(error) or 'timeout'}"
            if self._stopping:
                break
            stood = loop.time() - started
            failures = 0 if stood > options.reconnect_seconds_max else failures + 1
            pause = min(options.reconnect_seconds_min * 2**failures, options.reconnect_seconds_max)
            log.warning("SMPP %s: %s; next try within %.1f s", self._provider, self.detail, pause)
            await asyncio.sleep(random.uniform(pause / 2, pause))

    async def _one_link(self) -> str:
        """Connect, bind, wait for the end; returns its reason."""
        options = self._options
        session: Session | None = None
        try:
            async with asyncio.timeout(options.connect_seconds):
                session = await self._connect()
                await session.bound
            self.session = session
            log.info("SMPP %s: bound to %s:%d", self._provider, options.host, options.port)
            reason = await asyncio.shield(session.closed)
            await session.close()  # stores the reports that it still holds
            return reason
        finally:
            self.session = None
            if session is not None:
                session.end(session.reason)

    async def _connect(self) -> Session:
        options = self._options
        context = await asyncio.to_thread(tls_context, options.tls) if options.tls else None
        name = (options.tls.server_name or options.host) if options.tls else None
        _, session = await asyncio.get_running_loop().create_connection(
            lambda: Session(options, self.direction, self._outbox, self._provider, self._sink),
            options.host,
            options.port,
            ssl=context,
            server_hostname=name,
        )
        return session


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Verifies the certificate and the name of the SMSC; reads files."""
    context = ssl.create_default_context(cafile=tls.ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.certificate_file:
        context.load_cert_chain(tls.certificate_file, tls.key_file)
    return context
