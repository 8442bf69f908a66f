"""What a request led to is one trace at a collector that speaks OTLP."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from cryptography.fernet import Fernet
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from db.session import open_database
from telephony import traces
from telephony.clock import SECOND, now
from telephony.secrets import Vault, load
from telephony.settings import Settings
from telephony.traces import Kind, note, traced
from telephony.voice.ami import AmiLink
from telephony.voice.originate import Originator
from telephony.webhooks.signing import new_secret
from tests.factories import customer
from tests.fixtures_pbx import pbx_settings
from tests.operations.asking import TO
from tests.operations.conftest import Start
from tests.operations.test_request_carried import Refusing
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port
from tests.voice.calling import add_phone, placed
from tests.webhooks.sinks import eventually, running_sink

MINE = "req_of-mine"
FAILED = {"error": "no reply", "http.response.status_code": None}
SERVER, CLIENT = Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT


class Collector:
    """Takes what exporters post, and decodes it by OpenTelemetry's own definition."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(ExportTraceServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"

    def take(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            facts = {one.key: one.value.string_value for one in resource.resource.attributes}
            self.services.add(facts["service.name"])
            for scope in resource.scope_spans:
                self.spans += scope.spans

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def collector() -> Iterator[Collector]:
    opened = Collector()
    yield opened
    opened.close()


def facts(span: Span) -> dict[str, Any]:
    return {
        one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in span.attributes
    }


async def test_a_message_its_submission_and_its_webhooks_are_one_trace(
    sqlite_url: str, tmp_path: Path, start: Start, collector: Collector
) -> None:
    settings = pbx_settings(tmp_path, database_url=sqlite_url, otel_endpoint=collector.url)
    database = await open_database(sqlite_url)
    who = await customer(database)
    sealed = Vault(load(settings).master_key).seal(new_secret())
    await database.write(
        lambda conn: conn.run("UPDATE account SET webhook_secret_sealed = :s", s=sealed)
    )
    await database.close()
    process = await asyncio.to_thread(start, settings)
    async with (
        running_sink() as sink,
        httpx.AsyncClient(base_url=f"{process.url}/api/v1", timeout=PATIENCE_SECONDS) as client,
    ):
        key = {"Authorization": f"Bearer {who.key}", "X-Request-Id": MINE}
        body = TO | {"callback_url": f"{sink.url}/hook"}
        answer = await client.post("/sms/send", json=body, headers=key)
        assert answer.status_code == 202, answer.text
        await client.get("/wallet", headers=key | {"X-Request-Id": "another"})
        await eventually(lambda: len(sink.received) >= 2)
        process.tell()
        assert await asyncio.to_thread(process.ended) == 0
    assert collector.services == {"sms-voip"}
    mine = {span.name: span for span in collector.spans if facts(span)[traces.REQUEST_ID] == MINE}
    assert {name: span.kind for name, span in mine.items()} == {
        "POST /sms/send": SERVER, "submit message": CLIENT, "deliver webhook": CLIENT,
    }  # fmt: skip
    assert len({span.trace_id for span in mine.values()}) == 1
    (other,) = (span for span in collector.spans if span.name == "GET /wallet")
    assert other.trace_id != mine["POST /sms/send"].trace_id
    sent = facts(mine["POST /sms/send"])
    assert sent["http.response.status_code"] == 202
    assert sent["sms_voip.account_id"] == who.account_id
    submitted = facts(mine["submit message"])
    assert submitted["sms_voip.message_id"] == answer.json()["message_id"]
    assert facts(mine["deliver webhook"])["http.response.status_code"] == 200
    for span in mine.values():
        assert span.status.code == Status.STATUS_CODE_UNSET
        assert 0 < span.end_time_unix_nano - span.start_time_unix_nano < 60 * 10**9
        assert TO["to"] not in str(span)


def test_a_failure_is_marked_and_what_has_no_request_is_left_out(collector: Collector) -> None:
    at = now()
    with traced(Settings(otel_endpoint=collector.url)):
        note(
            "deliver webhook", Kind.client, MINE, at, at + SECOND, {"error": "no reply", "x": None}
        )
        note("deliver webhook", Kind.client, None, at, at, {})
    note("too late", Kind.client, MINE, at, at, {})
    (span,) = collector.spans
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "no reply")
    assert (span.start_time_unix_nano, span.end_time_unix_nano) == (
        at * 1000, (at + SECOND) * 1000,
    )  # fmt: skip
    assert facts(span) == {traces.REQUEST_ID: MINE, "error": "no reply"}


def test_a_share_of_the_traces_is_kept_whole(collector: Collector) -> None:
    at = now()
    with traced(Settings(otel_endpoint=collector.url, otel_sample_ratio=0.5)):
        for name in ("first", "second"):
            for number in range(200):
                note(name, Kind.client, f"req_{number}", at, at, {})
    kept = {
        name: {span.trace_id for span in collector.spans if span.name == name}
        for name in ("first", "second")
    }
    assert kept["first"] == kept["second"]
    assert 50 < len(kept["first"]) < 150


def test_a_collector_that_is_not_there_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    with traced(Settings(otel_endpoint=f"http://127.0.0.1:{free_port()}/v1/traces")):
        note("deliver webhook", Kind.client, MINE, now(), now(), {})


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    """In a process that finds no OpenTelemetry."""
    code = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from telephony.settings import Settings\n"
        "from telephony.traces import note, traced, Kind\n"
        "with traced(Settings(otel_endpoint='')): note('x', Kind.client, 'req_1', 1, 2, {})\n"
        "with traced(Settings(otel_endpoint='http://127.0.0.1:4318')): pass\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env=os.environ | {"SMS_VOIP_VAR_DIR": str(tmp_path)},
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.endswith(f"OSError: {traces.MISSING}\n")


async def test_a_call_is_noted_when_the_pbx_was_asked(
    sqlite_url: str, collector: Collector
) -> None:
    database = await open_database(sqlite_url)
    who = await customer(database, sip_funds="50")
    await add_phone(database, who)
    call_id = (await placed(database, who, request_id=MINE)).call_id
    originator = Originator(
        database, cast(AmiLink, Refusing()), "pbx1", 100, Vault(Fernet.generate_key().decode())
    )
    with traced(Settings(otel_endpoint=collector.url)):
        assert await originator.step() == 1
    await database.close()
    (span,) = collector.spans
    assert (span.name, span.kind) == ("originate call", CLIENT)
    assert facts(span) == {
        traces.REQUEST_ID: MINE, "sms_voip.call_id": call_id, "sms_voip.node": "pbx1",
    }  # fmt: skip
