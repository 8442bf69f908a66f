"""A webhook receiver on loopback that verifies every signature, as a customer's would."""

import asyncio
import json
import time
from typing import Any

from aiohttp import web

from telephony.webhooks.signing import verify

HOST = "127.0.0.1"


class Sink:
    """Keeps the events whose signature is good, and counts the others."""

    def __init__(self, secret: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.forged = 0
        self.url = ""
        self.secret = secret
        self._came = asyncio.Event()
        application = web.Application()
        application.router.add_post("/hook", self._hook)
        self._runner = web.AppRunner(application)

    async def __aenter__(self) -> "Sink":
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, 0)
        await site.start()
        self.url = f"http://{HOST}:{self._runner.addresses[0][1]}/hook"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def wait(self, seconds: float, **fields: Any) -> dict[str, Any]:
        """The first event that has these fields; TimeoutError names what is missing."""
        try:
            async with asyncio.timeout(seconds):
                while not (found := self._find(fields)):
                    self._came.clear()
                    await self._came.wait()
        except TimeoutError as error:
            raise TimeoutError(f"no event with {fields} in {seconds:g} s") from error
        return found

    def _find(self, fields: dict[str, Any]) -> dict[str, Any] | None:
        for event in self.events:
            if all(event.get(name) == value for name, value in fields.items()):
                return event
        return None

    async def _hook(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not verify(self.secret, request.headers.get("X-Signature", ""), body, time.time()):
            self.forged += 1
            return web.Response(status=400)
        self.events.append(json.loads(body))
        self._came.set()
        return web.Response(status=204)
