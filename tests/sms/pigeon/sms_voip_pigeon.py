"""A provider that writes each message into a folder, from which a pigeon takes it."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, SecretStr

from telephony.settings import Settings
from telephony.sms.providers.base import (
    ROOM_ENOUGH,
    Capabilities,
    Health,
    Outcome,
    ProviderError,
    Receipt,
    ReceiptState,
    Sink,
    Submission,
    Submitted,
)


class PigeonOptions(BaseModel):
    """What an operator may set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path
    ring: SecretStr = SecretStr("")
    afraid_of: str = ""


class PigeonProvider:
    """Every message that is not to a number of a place it is afraid of arrives at once."""

    options: ClassVar[type[BaseModel]] = PigeonOptions
    repeatable = False
    capabilities = Capabilities()

    def __init__(self, name: str, options: PigeonOptions) -> None:
        self.name = name
        self._options = options
        self._sink: Sink | None = None

    @classmethod
    def from_options(cls, name: str, options: Mapping[str, object], settings: Settings) -> Self:
        return cls(name, PigeonOptions.model_validate(options))

    async def start(self, sink: Sink) -> None:
        self._sink = sink

    async def resume(self, open_ids: Sequence[str]) -> None:
        """Pigeons that were under way when the process died have arrived meanwhile."""
        await self._tell(open_ids)

    async def room(self) -> int:
        return ROOM_ENOUGH

    async def submit(self, batch: Sequence[Submission]) -> list[Outcome]:
        outcomes = [await asyncio.to_thread(self._write, one) for one in batch]
        await self._tell(
            [one.provider_message_id for one in outcomes if isinstance(one, Submitted)]
        )
        return outcomes

    async def stop(self) -> None:
        self._sink = None

    def health(self) -> Health:
        return Health(self._sink is not None, f"pigeons of {self._options.folder}")

    def figures(self) -> Mapping[str, float]:
        return {}

    def _write(self, one: Submission) -> Outcome:
        afraid = self._options.afraid_of
        if afraid and one.recipient.startswith(afraid):
            return ProviderError("pigeon_afraid", f"no pigeon flies to {afraid}")
        name = f"{self.name}-{one.message_id}-{one.part}"
        (self._options.folder / f"{name}.json").write_text(
            json.dumps({"to": one.recipient, "from": one.sender, "text": one.text})
        )
        return Submitted(name)

    async def _tell(self, ids: Sequence[str]) -> None:
        """The receipt comes before the answer, which is allowed."""
        assert self._sink is not None
        await self._sink([Receipt(self.name, one, ReceiptState.DELIVERED) for one in ids])
