"""Spans for a collector, made by OpenTelemetry's SDK; imported only where one is asked for, since
the SDK takes megabytes and is an extra."""

import hashlib
import os
from collections.abc import Mapping
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from telephony.clock import Instant

SERVICE = "sms-voip"


class Spans:
    """Sends in a thread of its own; the newest are dropped where the collector does not keep up."""

    def __init__(self, endpoint: str, ratio: float) -> None:
        resource = Resource.create({"service.name": SERVICE, "process.pid": os.getpid()})
        self._provider = TracerProvider(sampler=TraceIdRatioBased(ratio), resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint)))
        self._tracer = self._provider.get_tracer(SERVICE)

    def add(
        self, name: str, kind: str, request_id: str, begun: Instant, ended: Instant,
        facts: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """One that is over; `kind` as OpenTelemetry names it."""
        span = self._tracer.start_span(
            name, _context(request_id), trace.SpanKind[kind], facts, start_time=begun * 1000
        )
        if "error" in facts:
            span.set_status(trace.Status(trace.StatusCode.ERROR, str(facts["error"])))
        span.end(ended * 1000)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def _context(request_id: str) -> Context:
    """Of the request itself, which every other span hangs below."""
    digest = hashlib.blake2b(request_id.encode(), digest_size=24).digest()
    parent = trace.SpanContext(
        int.from_bytes(digest[:16]), int.from_bytes(digest[16:]), is_remote=True,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
    )  # fmt: skip
    return trace.set_span_in_context(trace.NonRecordingSpan(parent))
