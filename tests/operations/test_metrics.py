"""What is counted, through the door where there is one, and that the page lists exactly that."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from api.app import create_app
from api.commands.exporter import exported
from db import calls, sip_nodes
from db.database import Database
from telephony import gauges, metrics
from telephony.clock import SECOND, now
from telephony.gauges import Gauges, cdr_lag
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms.dispatch import Dispatcher, count
from telephony.sms.providers.base import ProviderError, ReceiptState, Submitted
from telephony.voice.settle import End, answered, finish
from telephony.webhooks.deliver import WebhookWorker
from tests.api.client import Api, good
from tests.api.world import client_of
from tests.factories import Customer, customer
from tests.ports import free_port
from tests.sms.sending import Told, by_part, queue, receipt
from tests.voice.calling import add_phone, call, dialing, placed
from tests.webhooks.conftest import Customer as Hooked
from tests.webhooks.conftest import StillClock
from tests.webhooks.sinks import running_sink

PAGE = Path(__file__).parents[2] / "docs/operations.md"
SEND = {"endpoint": "/sms/send", "method": "POST"}


def value(name: str, **labels: str) -> float:
    """0 where nothing was counted yet."""
    return REGISTRY.get_sample_value(f"sms_voip_{name}", labels) or 0.0


class Growth:
    """How much samples have grown since."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
        for family in REGISTRY.collect():
            for sample in family.samples:
                self._before[sample.name, frozenset(sample.labels.items())] = sample.value

    def of(self, name: str, **labels: str) -> float:
        before = self._before.get((f"sms_voip_{name}", frozenset(labels.items())), 0.0)
        return value(name, **labels) - before


@pytest.fixture
def grown() -> Growth:
    return Growth()


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database, funds="1", sip_funds="50", mode="live")


class NoLinks:
    """A process whose workers have one provider and no PBX."""

    def providers(self) -> dict[str, tuple[bool, dict[str, float]]]:
        return {"smpp": (True, {"window_in_use": 7, "binds": 2, "submitted": 3})}

    def ami(self) -> dict[str, bool]:
        return {"calls": True, "provisioning": False}

    def drift(self) -> int:
        return 2


def looking(database: Database, folder: Path) -> Gauges:
    return Gauges(database, Settings(var_dir=folder), NoLinks())


async def test_requests_by_endpoint_and_status(database: Database, grown: Growth) -> None:
    vault = Vault(Fernet.generate_key().decode())
    mine = await customer(database)
    app = create_app(Settings(public_url="http://127.0.0.1:8000"), database, vault)
    async with client_of(app) as client:
        api = Api(client).using(mine)
        message_id = good(await api.post("/sms/send", {"to": "+15551239999", "text": "Hi!"}), 202)
        await api.get(f"/sms/{message_id['message_id']}")
        await api.post("/sms/send", {"text": "Hi!"})
        await client.get("/api/v1/who/knows/+15551239999")
        await client.request("BREW", "/api/v1/ping")
    assert grown.of("http_requests_total", status="202", **SEND) == 1
    assert grown.of("http_requests_total", status="400", **SEND) == 1
    assert grown.of("http_request_seconds_count", endpoint="/sms/send") == 2
    shown = {"endpoint": "/sms/{message_id}", "method": "GET", "status": "200"}
    assert grown.of("http_requests_total", **shown) == 1
    unknown = {"endpoint": "none", "method": "GET", "status": "404"}
    assert grown.of("http_requests_total", **unknown) == 1
    assert grown.of("http_requests_total", endpoint="/ping", method="other", status="405") == 1
    assert grown.of("database_write_seconds_count") > 0


async def test_what_providers_say_of_parts(
    database: Database, who: Customer, grown: Growth
) -> None:
    await queue(database, who, text="a" * 400)
    dispatcher = Dispatcher(database, Told(by_part))
    await dispatcher.step()
    assert grown.of("provider_parts_total", provider="smpp", outcome="submitted") == 3
    assert grown.of("provider_submit_seconds_count", provider="smpp") == 1
    count("smpp", [
        Submitted("1"), ProviderError("link_lost", outcome_unknown=True),
        ProviderError("smsc_busy", throttled=True), ProviderError("no_such_number"),
    ])  # fmt: skip
    for outcome in ("unknown", "throttled", "rejected"):
        assert grown.of("provider_parts_total", provider="smpp", outcome=outcome) == 1
    assert grown.of("provider_refusals_total", provider="smpp", code="no_such_number") == 1
    await dispatcher._take([receipt("1", ReceiptState.UNDELIVERED, provider="smpp")])
    assert grown.of("provider_receipts_total", provider="smpp", state="undelivered") == 1


def test_codes_that_peers_make_up_have_an_end() -> None:
    known = metrics.Bounded(2)
    assert [known(code) for code in ("a", "b", "c", "a", "d")] == ["a", "b", "other", "a", "other"]


async def test_calls_by_how_they_began_and_ended(
    database: Database, who: Customer, grown: Growth
) -> None:
    await add_phone(database, who, "carol", dial_mode="live")
    at = now()
    for end in ("normal_clearing", "user_busy"):
        call_id = (await placed(database, who, to="+15559876543", origin="carol")).call_id
        row = await dialing(database, call_id, at + SECOND)
        if end == "normal_clearing":
            await database.write(answered, row, at + 2 * SECOND)
        status = calls.CallStatus.completed if end == "normal_clearing" else calls.CallStatus.busy
        row = await call(database, call_id)
        await database.write(finish, row, End(status, end, at + 9 * SECOND, row["answered_at"]))
    trunk = row["trunk"] or "none"
    assert grown.of("calls_started_total", origin="api") == 2
    assert grown.of("calls_answered_total", trunk=trunk) == 1
    ended = {"status": "busy", "cause": "user_busy", "trunk": trunk}
    assert grown.of("calls_ended_total", **ended) == 1


async def test_webhooks_by_result(database: Database, grown: Growth) -> None:
    vault, still = Vault(Fernet.generate_key().decode()), StillClock()
    hooked = await Hooked(database, vault, "counted", still).open()
    settings = Settings(bind_host="127.0.0.1")
    worker = WebhookWorker(database, vault, settings, clock=still)
    async with running_sink() as sink:
        sink.answers["/bad"] = 503
        nobody = f"http://127.0.0.1:{free_port()}/gone"
        await hooked.tell(f"{sink.url}/good", f"{sink.url}/bad", nobody)
        await worker.step()
        await worker.settled()
        await worker.close()
    for result in ("2xx", "5xx", "no_reply"):
        assert grown.of("webhook_attempts_total", result=result) == 1
    assert grown.of("webhook_seconds_count") == 2


async def test_what_waits_and_which_links_stand(
    database: Database, who: Customer, tmp_path: Path
) -> None:
    gauge = looking(database, tmp_path)
    await gauge.look()
    assert value("messages", state="queued", lane="single") == 0
    for _ in range(3):
        await queue(database, who)
    late = now() - 90 * SECOND
    await database.write(
        lambda conn: conn.run("UPDATE message SET next_attempt_at = :late", late=late)
    )
    await gauge.look()
    assert value("messages", state="queued", lane="single") == 3
    assert 90 <= value("message_oldest_seconds", lane="single") < 150
    assert value("message_oldest_seconds", lane="bulk") == 0
    assert value("holds_open") == 3
    assert (value("ami_link_up", user="calls"), value("ami_link_up", user="provisioning")) == (1, 0)
    assert value("provider_window_in_use", provider="smpp") == 7
    assert value("ledger_drift") == 2
    await Dispatcher(database, Told(by_part)).step()
    await gauge.look()
    assert value("messages", state="queued", lane="single") == 0
    assert value("message_oldest_seconds", lane="single") == 0
    assert value("holds_open") == 0


async def test_a_long_queue_is_counted_to_an_end(
    database: Database, who: Customer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gauges, "ROWS_MAX", 2)
    for _ in range(3):
        await queue(database, who)
    await looking(database, tmp_path).look()
    assert value("messages", state="queued", lane="single") == 2


async def test_calls_and_phones_that_wait(
    database: Database, who: Customer, tmp_path: Path
) -> None:
    await add_phone(database, who, "dave", dial_mode="live")
    await placed(database, who, to="+15559876543", origin="dave")
    await database.write(sip_nodes.told_last, "pbx1", now())
    gauge = looking(database, tmp_path)
    await gauge.look()
    assert value("calls", state="queued") == 1
    assert value("calls", state="answered") == 0


def test_how_much_of_the_records_is_not_read_yet(tmp_path: Path) -> None:
    path = tmp_path / "cdr.jsonl"
    assert cdr_lag(path, 0, 0) == 0
    path.write_bytes(b"x" * 100)
    inode = path.stat().st_ino
    assert cdr_lag(path, inode, 40) == 60
    assert cdr_lag(path, inode + 1, 40) == 100, "rotated since: all of the new one"


@pytest.fixture
def exporter() -> Iterator[str]:
    settings = Settings(metrics_port=free_port())
    with exported(settings):
        yield settings.metrics_url


def names(url: str) -> set[str]:
    """What a scrape gets, by the names of its families as Prometheus has them."""
    text = httpx.get(url).text
    found = {family.name: family.type for family in text_string_to_metric_families(text)}
    return {name + ("_total" if kind == "counter" else "") for name, kind in found.items()}


def test_the_page_lists_exactly_what_is_exported(exporter: str) -> None:
    listed = set(re.findall(r"(?m)^\| `((?:sms_voip|process|python)_\w+)", PAGE.read_text()))
    assert listed == names(exporter)


def test_without_a_port_nothing_listens_and_a_taken_one_is_named() -> None:
    with exported(Settings()):
        assert Settings().metrics_url == ""
    port = free_port()
    with (
        exported(Settings(metrics_port=port)),
        pytest.raises(OSError, match=f"SMS_VOIP_METRICS_PORT: 127.0.0.1 port {port} "),
        exported(Settings(metrics_port=port)),
    ):
        pass


def labels_of(family: Any) -> set[str]:
    return {name for sample in family.samples for name in sample.labels}


def test_no_label_could_hold_a_number_or_a_customer() -> None:
    ours = [one for one in REGISTRY.collect() if one.name.startswith("sms_voip_")]
    assert set().union(*map(labels_of, ours)) <= {
        "method", "endpoint", "status", "le", "state", "lane", "provider", "outcome", "code",
        "origin", "trunk", "cause", "user", "result",
    }  # fmt: skip
