"""What a request led to, in one trace, for whoever has the extra `otel` and a collector. All that
a request id is carried to is in the trace that the id names, so nothing more is stored for it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from importlib import import_module
from typing import Any, Protocol

from telephony.clock import Instant
from telephony.settings import Settings

REQUEST_ID = "sms_voip.request_id"
MISSING = "SMS_VOIP_OTEL_ENDPOINT needs OpenTelemetry: pip install 'sms-voip[otel]'"


class Kind(StrEnum):
    """Which side of a conversation we were, as OpenTelemetry names it."""

    server = "SERVER"
    client = "CLIENT"


class Spans(Protocol):
    """Takes what is over."""

    def add(
        self, name: str, kind: str, request_id: str, begun: Instant, ended: Instant,
        facts: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """Remember one, and return at once."""


_open: list[Spans] = []


@contextmanager
def traced(settings: Settings) -> Iterator[None]:
    """Send spans to the collector until the end, the last ones then; OSError where the extra is
    not installed. Without an endpoint nothing is noted."""
    if not settings.otel_endpoint:
        yield
        return
    try:
        found = import_module("telephony.opentelemetry")
    except ImportError as error:
        raise OSError(MISSING) from error
    spans = found.Spans(settings.otel_endpoint, settings.otel_sample_ratio)
    _open.append(spans)
    try:
        yield
    finally:
        _open.clear()
        spans.close()


def note(
    name: str, kind: Kind, request_id: str | None, begun: Instant, ended: Instant,
    facts: Mapping[str, Any],
) -> None:  # fmt: skip
    """Tell of something that took place. `facts` are attributes; one that is None is left out, and
    `error` marks the span as failed."""
    if _open and request_id:
        kept = {fact: value for fact, value in facts.items() if value is not None}
        _open[0].add(name, kind, request_id, begun, ended, {REQUEST_ID: request_id} | kept)
