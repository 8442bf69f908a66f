"""The HTTP provider against a real server on loopback: templates, answers, receipts."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from telephony.settings import Settings
from telephony.sms.alphabets import Encoding
from telephony.sms.providers.base import ReceiptState, Submitted
from telephony.sms.providers.http import HttpProvider
from telephony.sms.providers.http_options import filled, found
from tests.sms.support import Sink, parts_of, refused, submission, submitted, until

Answer = tuple[int, str]


class Api:
    """What a server was asked, and what it says: `answer` to a message, `status` to a look."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Callable[[int], Answer] = lambda at: (200, json.dumps({"id": f"m{at}"}))
        self.status: Answer = (200, json.dumps({"status": "pending"}))
        self.looked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.url = ""

    async def send(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        self.headers.append(dict(request.headers))
        at = len(self.asked)
        await self.gate.wait()
        status, text = self.answer(at)
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=status or 200, text=text)

    async def look(self, request: web.Request) -> web.Response:
        self.looked.append(request.match_info["id"])
        status, text = self.status
        return web.Response(status=status, text=text)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    served = Api()
    app = web.Application()
    app.router.add_post("/send", served.send)
    app.router.add_get("/status/{id}", served.look)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    served.url = f"http://{host}:{port}"
    yield served
    await runner.cleanup()


def options(api: Api, **more: Any) -> dict[str, Any]:
    return {"url": f"{api.url}/send", **more}


@asynccontextmanager
async def started(api: Api, sink: Sink | None = None, **more: Any) -> AsyncIterator[HttpProvider]:
    provider = HttpProvider.from_options("web", options(api, **more), Settings())
    await provider.start(sink or Sink())
    try:
        yield provider
    finally:
        await provider.stop()


async def test_what_is_asked(api: Api) -> None:
    template = {"msg": {"dst": ["{to}"], "body": "{text} – {to}"}, "ttl": "{validity_seconds}",
                "fixed": 1, "other": "{unknown}", "ref": "{message_id}"}  # fmt: skip
    async with started(api, body=template, headers={"X-Key": "k"}) as provider:
        [outcome] = await provider.submit([submission("Hi {to}!", validity_seconds=60)])
    assert submitted(outcome) == "m1"
    assert api.asked == [
        {"msg": {"dst": ["+15550109999"], "body": "Hi {to}! – +15550109999"}, "ttl": 60,
         "fixed": 1, "other": "{unknown}", "ref": "msg_1"}
    ]  # fmt: skip
    assert api.headers[0]["X-Key"] == "k"


async def test_parts_go_out_as_one(api: Api) -> None:
    async with started(api) as provider:
        batch = [*parts_of("a" * 400), submission("other", message_id="msg_2")]
        outcomes = [submitted(one) for one in await provider.submit(batch)]
    assert outcomes[0] == outcomes[1] == outcomes[2] != outcomes[3]
    assert sorted(one["text"] for one in api.asked) == ["a" * 400, "other"]


@pytest.mark.parametrize(
    ("answer", "code", "kind"),
    [
        ((400, '{"code": "Bad Number"}'), "bad_number", ""),
        ((401, "no JSON"), "http_401", ""),
        ((429, "{}"), "http_429", "throttled"),
        ((503, '{"code": 7}'), "7", "throttled"),
        ((500, "{}"), "http_500", "unknown"),
        ((302, ""), "http_302", "unknown"),
        ((0, ""), "link_lost", "unknown"),
    ],
)
async def test_answers_that_are_none(api: Api, answer: Answer, code: str, kind: str) -> None:
    api.answer = lambda _: answer
    async with started(api) as provider:
        error = refused((await provider.submit([submission()]))[0])
        assert provider.figures() == {f"refused_{code}": 1, "open": 0}
    assert error.code == code
    assert (error.throttled, error.outcome_unknown) == (kind == "throttled", kind == "unknown")
    assert error.retryable == (kind == "throttled")


async def test_an_api_that_is_not_there_took_nothing(api: Api) -> None:
    async with started(api, url="http://127.0.0.1:1/send") as provider:
        error = refused((await provider.submit([submission()]))[0])
    assert (error.code, error.retryable) == ("link_down", True)
    stopped = refused((await provider.submit([submission()]))[0])
    assert stopped.retryable
    assert not provider.health().up


async def test_an_answer_without_an_id_is_taken_and_not_named(api: Api) -> None:
    api.answer = lambda _: (202, "[]")
    async with started(api, status_url=f"{api.url}/status/{{id}}") as provider:
        assert submitted((await provider.submit([submission()]))[0]) == ""
        assert provider.figures()["open"] == 0


async def test_receipts_are_asked_for_until_they_are_final(api: Api) -> None:
    api.answer = lambda _: (200, '{"data": [{"sid": "a/b"}]}')
    sink = Sink(failures=1)
    more = {"id_path": "data.0.sid", "status_url": f"{api.url}/status/{{id}}",
            "states": {"DELIVRD": "delivered"}, "poll_seconds": 0.02}  # fmt: skip
    async with started(api, sink, **more) as provider:
        assert submitted((await provider.submit([submission()]))[0]) == "a/b"
        await provider.resume(["old"])
        await until(lambda: api.looked.count("old") > 2)
        assert sink.receipts == []
        api.status = (200, '{"status": "DELIVRD", "code": 0}')
        receipts = await sink.wait_for(2)
        await until(lambda: provider.figures()["open"] == 0)
    assert {(one.provider, one.provider_message_id, one.state) for one in receipts} == {
        ("web", "a/b", ReceiptState.DELIVERED), ("web", "old", ReceiptState.DELIVERED),
    }  # fmt: skip


async def test_a_look_that_fails_is_repeated(api: Api) -> None:
    api.status = (500, "<html>")
    sink = Sink()
    more = {"status_url": f"{api.url}/status/{{id}}", "poll_seconds": 0.02}
    async with started(api, sink, **more) as provider:
        await provider.resume(["x"])
        await until(lambda: len(api.looked) > 2)
        api.status = (200, '{"status": "undelivered", "code": "E7"}')
        [receipt] = await sink.wait_for(1)
    assert (receipt.state, receipt.error_code) == (ReceiptState.UNDELIVERED, "E7")


async def test_the_window_holds_back(api: Api) -> None:
    api.gate.clear()
    async with started(api, window=2) as provider:
        assert await provider.room() == 2
        batch = [submission(message_id=f"msg_{at}") for at in range(5)]
        task = asyncio.create_task(provider.submit(batch))
        await until(lambda: len(api.asked) == 2)
        room = asyncio.create_task(provider.room())
        await asyncio.sleep(0.05)
        assert len(api.asked) == 2
        assert not room.done()
        api.gate.set()
        assert all(isinstance(one, Submitted) for one in await task)
        assert await room >= 1
    assert len(api.asked) == 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://example.com"},
        {"url": "https://10.0.0.1/send"},
        {"url": "https://169.254.169.254/"},
        {"url": "https://example.com", "status_url": "https://192.168.0.1/{id}"},
        {"url": "https://example.com", "window": 0},
        {"url": "https://example.com", "colour": "red"},
        {"url": "https://example.com", "states": {"ok": "fine"}},
        {},
    ],
)
def test_options_that_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"URL|[vV]alid|permitted|greater|required|Input"):
        HttpProvider.from_options("web", wrong, Settings(bind_host="0.0.0.0"))


def test_what_the_options_make_of_it() -> None:
    given = {"url": "https://example.com", "unknown_outcome": "resend", "encodings": ["gsm7"]}
    provider = HttpProvider.from_options("web", given, Settings())
    assert provider.repeatable
    assert provider.capabilities.encodings == {Encoding.GSM7}
    assert not provider.capabilities.receipts


@pytest.mark.parametrize(
    ("path", "value"),
    [("a.b.0", "x"), ("a.n", "5"), ("a", ""), ("a.b.9", ""), ("t", ""), ("no.way", ""), ("", "")],
)
def test_paths(path: str, value: str) -> None:
    assert found({"a": {"b": ["x"], "n": 5}, "t": True}, path) == value


def test_places_are_filled_once() -> None:
    values: dict[str, str | int] = {"text": "{to}", "to": "+1", "n": 3}
    template = {"x": ["{text}{to}", "{n}", "{n}!", None, {"{to}": "{}"}]}
    assert filled(template, values) == {"x": ["{to}+1", 3, "3!", None, {"{to}": "{}"}]}
