"""What an API process does beside its requests."""

import asyncio

from api.health import Links, Readiness
from db.database import Database
from telephony.backlog import Backlog
from telephony.request_log import RequestRecorder
from telephony.settings import Settings


class Background:
    """Where it does not run, requests are answered all the same. `links` tells what the workers of
    the process miss."""

    def __init__(
        self, db: Database, settings: Settings, links: Links = dict[str, str]
    ) -> None:  # fmt: skip
        self.backlog = Backlog(db, settings)
        self.requests = RequestRecorder(db, settings)
        self.readiness = Readiness(db, links)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.backlog.run())
            group.create_task(self.requests.run())
