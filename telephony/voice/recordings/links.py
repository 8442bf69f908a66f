"""Links to recordings that need no key: signed, and good for a while."""

import hashlib
import hmac
from dataclasses import dataclass

from telephony.clock import SECOND, Instant
from telephony.errors import LinkExpiredError, LinkForgedError
from telephony.secrets import Vault
from telephony.settings import Settings

PURPOSE = "links to recordings"


@dataclass(frozen=True)
class Link:
    """A URL, and until when it is good."""

    url: str
    expires_at: Instant


class Links:
    """Makes and checks links. Whoever has one may hear that recording, and no other."""

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self._base = f"{settings.api_url}/api/v1/voice/recordings"
        self._seconds = settings.recording_url_seconds
        self._key = vault.subkey(PURPOSE)

    def make(self, recording_id: str, now: Instant, deleted_at: Instant) -> Link:
        """A link from now on; none outlives its recording."""
        expires = min(now + self._seconds * SECOND, deleted_at) // SECOND
        query = f"expires={expires}&signature={self._sign(recording_id, expires)}"
        return Link(f"{self._base}/{recording_id}?{query}", expires * SECOND)

    def check(self, recording_id: str, expires: int, signature: str, now: Instant) -> None:
        """Raises LinkForgedError or LinkExpiredError. `expires` is in seconds of the epoch."""
        genuine = self._sign(recording_id, expires).encode()
        if not hmac.compare_digest(genuine, signature.encode()):
            raise LinkForgedError
        if expires * SECOND <= now:
            raise LinkExpiredError

    def _sign(self, recording_id: str, expires: int) -> str:
        signed = f"{recording_id}\n{expires}".encode()
        return hmac.new(self._key, signed, hashlib.sha256).hexdigest()
