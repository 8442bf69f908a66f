"""Channels that the platform knows nothing of: nobody pays for what is said on them, so they are
hung up."""

import asyncio
import logging
from collections.abc import Iterable

from db import calls
from db.database import Database
from telephony.clock import SECOND, Instant
from telephony.voice.ami import AmiError, AmiEvent, AmiLink, Hangup

GRACE_SECONDS = 15
"""While a phone's call is authorized it has a channel and no row: for 10 s, then it is refused."""

log = logging.getLogger(__name__)


class Strangers:
    """Remembers since when each unknown channel has been seen; serves one node."""

    def __init__(self, db: Database, link: AmiLink) -> None:
        self._db = db
        self._link = link
        self._since: dict[str, Instant] = {}

    async def look(self, channels: list[AmiEvent], at: Instant) -> None:
        """Hang up what has been unknown for longer than a call is without its row."""
        known = await calls.known(self._db, _ids(channels), at - GRACE_SECONDS * SECOND)
        unknown = [one for one in channels if not _is_known(one, known)]
        self._since = {
            one.fields["uniqueid"]: self._since.get(one.fields["uniqueid"], at) for one in unknown
        }
        await asyncio.gather(*(self._hang_up(one) for one in unknown if self._for_long(one, at)))

    def _for_long(self, channel: AmiEvent, at: Instant) -> bool:
        return at - self._since[channel.fields["uniqueid"]] >= GRACE_SECONDS * SECOND

    async def _hang_up(self, channel: AmiEvent) -> None:
        named = {name: channel.fields.get(name, "") for name in ("channel", "context", "exten")}
        try:
            await self._link.action(Hangup(channel.fields["uniqueid"]))
            log.warning("a channel of no call is hung up: %s", named)
        except AmiError as error:
            log.info("a channel of no call is not hung up yet: %s: %s", named, error)


def _ids(channels: Iterable[AmiEvent]) -> list[str]:
    return sorted({one.fields[name] for one in channels for name in ("uniqueid", "linkedid")})


def _is_known(channel: AmiEvent, known: set[str]) -> bool:
    """Legs that were dialled for a call are linked to its first channel."""
    return not known.isdisjoint((channel.fields["uniqueid"], channel.fields["linkedid"]))
