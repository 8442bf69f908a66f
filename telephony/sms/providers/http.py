"""The kind `http`: one request for each message to a JSON API, receipts by asking for them.

The parts of a message go out as one text, which the API cuts itself.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from operator import attrgetter
from typing import ClassVar, Self
from urllib.parse import quote

import aiohttp
from pydantic import BaseModel

from telephony.settings import Settings
from telephony.sms.providers.base import (
    Capabilities,
    Health,
    Outcome,
    ProviderError,
    Receipt,
    ReceiptSink,
    Submission,
    Submitted,
)
from telephony.sms.providers.http_options import HttpOptions, filled, found
from telephony.webhooks.egress import Egress, check_url

log = logging.getLogger(__name__)

ANSWER_BYTES_MAX = 65_536
THROTTLED = frozenset({429, 503})
VALIDITY_SECONDS_DEFAULT = 86_400


class HttpProvider:
    """Takes a 2xx for acceptance, 429 and 503 for throttling, another 4xx for a refusal. After
    any other answer, or none, nobody knows."""

    options: ClassVar[type[BaseModel]] = HttpOptions

    def __init__(self, name: str, options: HttpOptions, egress: Egress) -> None:
        self.name = name
        self.repeatable = options.unknown_outcome == "resend"
        self.capabilities = Capabilities(
            options.encodings, receipts=bool(options.status_url or options.inbound),
            inbound=bool(options.inbound), link=False,
        )  # fmt: skip
        self._options = options
        self._egress = egress
        self._slots = asyncio.Semaphore(options.window)
        self._busy = 0
        self._open: dict[str, None] = {}  # ids without a final receipt, the oldest first
        self._session: aiohttp.ClientSession | None = None
        self._poller: asyncio.Task[None] | None = None
        self._detail = "not asked yet"
        self._counts: Counter[str] = Counter()

    @classmethod
    def from_options(cls, name: str, options: Mapping[str, object], settings: Settings) -> Self:
        """ValueError for a URL that the platform's egress guard never lets through."""
        given, egress = HttpOptions.model_validate(options), Egress(settings)
        for url in filter(None, (given.url, given.status_url.replace("{id}", "id"))):
            check_url(url, egress)
        return cls(name, given, egress)

    async def start(self, sink: ReceiptSink) -> None:
        """Open the client, and begin to ask for receipts."""
        self._session = self._egress.session()
        if self._options.status_url:
            self._poller = asyncio.create_task(self._poll(sink), name=f"sms-{self.name}-poll")

    async def resume(self, open_ids: Sequence[str]) -> None:
        """Ask for their receipts, too."""
        self._open |= dict.fromkeys(open_ids)

    async def room(self) -> int:
        """Free places of the window."""
        async with self._slots:
            return self._options.window - self._busy

    async def submit(self, batch: Sequence[Submission]) -> list[Outcome]:
        """One request for each message; its parts share the outcome."""
        messages = [list(parts) for _, parts in groupby(batch, key=attrgetter("message_id"))]
        outcomes = await asyncio.gather(*map(self._submit_one, messages))
        return [outcome for parts, outcome in zip(messages, outcomes, strict=True) for _ in parts]

    async def stop(self) -> None:
        """Close; the dispatcher lets requests under way end before."""
        if self._poller is not None:
            self._poller.cancel()
            with suppress(asyncio.CancelledError):
                await self._poller
        if self._session is not None:
            await self._session.close()
        self._poller = self._session = None

    def health(self) -> Health:
        """Up while started: there is no link that could be down between requests."""
        return Health(self._session is not None, self._detail)

    def figures(self) -> Mapping[str, float]:
        """Requests by how they ended, and the messages whose receipt is awaited."""
        return {**self._counts, "open": len(self._open)}

    async def _submit_one(self, parts: Sequence[Submission]) -> Outcome:
        async with self._slots:
            self._busy += 1
            try:
                outcome = await self._post(filled(self._options.body, _values(parts)))
            finally:
                self._busy -= 1
        if isinstance(outcome, Submitted):
            self._counts["submitted"] += 1
            if outcome.provider_message_id and self._options.status_url:
                self._open[outcome.provider_message_id] = None
        else:
            self._counts[f"refused_{outcome.code}"] += 1
        self._detail = f"last answer: {outcome}" if isinstance(outcome, ProviderError) else "well"
        return outcome

    async def _post(self, body: object) -> Outcome:
        options = self._options
        try:
            status, answer = await self._ask(options.method, options.url, body)
        except (aiohttp.ClientConnectorError, ConnectionRefusedError) as error:
            return ProviderError("link_down", str(error), retryable=True)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return ProviderError("link_lost", type(error).__name__, outcome_unknown=True)
        if 200 <= status < 300:
            return Submitted(found(answer, options.id_path))
        code = _code(found(answer, options.error_path)) or f"http_{status}"
        if status in THROTTLED:
            return ProviderError(code, f"HTTP {status}", throttled=True)
        return ProviderError(code, f"HTTP {status}", outcome_unknown=not 400 <= status < 500)

    async def _ask(self, method: str, url: str, body: object = None) -> tuple[int, object]:
        if self._session is None:
            raise ConnectionRefusedError("stopped")
        headers = {name: value.get_secret_value() for name, value in self._options.headers.items()}
        async with self._session.request(
            method, url, json=body, headers=headers, allow_redirects=False
        ) as response:
            text = await response.content.read(ANSWER_BYTES_MAX)
        return response.status, _json(text)

    async def _poll(self, sink: ReceiptSink) -> None:
        while True:
            await asyncio.sleep(self._options.poll_seconds)
            for provider_message_id in list(self._open):
                try:
                    await self._look(provider_message_id, sink)
                except Exception:
                    log.exception("no status from %s", self.name)

    async def _look(self, provider_message_id: str, sink: ReceiptSink) -> None:
        """Ask for one message; what is told stays open until it is stored."""
        options = self._options
        url = options.status_url.replace("{id}", quote(provider_message_id, safe=""))
        _, answer = await self._ask("GET", url)
        state = options.states.get(found(answer, options.status_path))
        if state is not None and state.final:
            code = found(answer, options.error_path)
            await sink([Receipt(self.name, provider_message_id, state, code)])
            self._open.pop(provider_message_id, None)


def _values(parts: Sequence[Submission]) -> dict[str, str | int]:
    first = parts[0]
    return {
        "to": first.recipient,
        "from": first.sender,
        "text": "".join(part.text for part in parts),
        "message_id": first.message_id,
        "validity_seconds": first.validity_seconds or VALIDITY_SECONDS_DEFAULT,
    }


def _json(text: bytes) -> object:
    try:
        parsed: object = json.loads(text or b"null")
    except ValueError:
        return None
    return parsed


def _code(text: str) -> str:
    """A provider's word as a stable code."""
    return "".join(char if char.isalnum() else "_" for char in text.lower())[:64]
