"""Whether the process lives, and whether it can do its work: for whoever supervises it."""

import asyncio
import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from api.version import VERSION
from db import readiness
from db.database import Database

LOOK_SECONDS_MAX = 5.0
FRESH_SECONDS = 1.0
"""Nobody needs a key to ask, so that asking often must cost nothing."""

Links = Callable[[], dict[str, str]]
"""What the workers of this process miss, and why; empty if nothing."""


class Readiness:
    """Looks at the parts that this process cannot work without, at most once a second."""

    def __init__(self, db: Database, links: Links) -> None:
        self._db = db
        self._links = links
        self._turn = asyncio.Lock()
        self._looked_at = 0.0
        self._missing: dict[str, str] = {}

    async def missing(self) -> dict[str, str]:
        """A sentence about each part that is missing, by its name."""
        async with self._turn:
            if time.monotonic() - self._looked_at > FRESH_SECONDS:
                self._missing = await self._of_database() | self._links()
                self._looked_at = time.monotonic()
            return self._missing

    async def _of_database(self) -> dict[str, str]:
        try:
            async with asyncio.timeout(LOOK_SECONDS_MAX):
                await self._db.write(readiness.touch)
                current = await readiness.revision(self._db)
        except Exception as error:
            return {"database": f"it takes no write: {type(error).__name__}"}
        newest = readiness.newest()
        if current == newest:
            return {}
        return {"migrations": f"the schema is {current}, not {newest}: run `sms-voip migrate`"}


def routes(readiness: Readiness) -> list[Route]:
    """`/healthz` and `/readyz`, outside of the API and without a key."""

    async def healthz(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "version": VERSION})

    async def readyz(_: Request) -> JSONResponse:
        missing = await readiness.missing()
        body = {"ready": not missing, "missing": missing, "version": VERSION}
        return JSONResponse(body, 503 if missing else 200)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
