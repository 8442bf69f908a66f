"""The documentation says all that the code does: endpoints, errors, events, samples."""

import json
import re
from typing import get_args

import httpx
import pytest

from api.app import ENDPOINTS, create_app
from api.docs import errors, events, reference
from api.v1.webhooks import EventType
from api.web import csrf
from db.database import Database
from telephony.accounts import SCOPES
from telephony.errors import Problem
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.webhooks.samples import SAMPLES
from tests.api.client import DOCUMENT, URL, check
from tests.api.world import client_of

REFERENCE = reference.build(ENDPOINTS, URL)
PRINTED = (
    "API Reference & Guides",
    "Authenticate with bearer API keys, send SMS, place calls, manage SIP settings, and fetch call"
    " logs.",
    "Use bearer API keys created in the dashboard. Send keys via the Authorization header.",
    "Authorization: Bearer sk_live_yourkey",
    "Rotate keys regularly; revoke compromised keys immediately.",
    "Support optional IP allowlists and per-key scoping (staging/production).",
    f"Production: {URL}/api/v1",
    "Ping: GET /api/v1/ping",
    "SMS: Send",
    "Send a single SMS. For bulk, loop or batch client-side.",
    "Responses include message_id, status, and cost. Delivery reports POST to your callback_url.",
    "VoIP: SIP management",
    "POST /api/v1/voip/caller-id",
    "GET /api/v1/voip/logs",
    "Use these endpoints to update caller ID and SIP password, move funds from app wallet to SIP,"
    " and read call logs.",
    "# Update caller ID",
    "Voice: Set caller ID / place call",
    "Rings, answer, duration, recording URL (when enabled) via webhooks.",
    "Authorization: Bearer sk_live_yourkey (optional for public rates)",
    "Returns country, ISO code, SMS, voice, currency, and route label.",
    "Returns overall status, notice, and component list.",
    "Try it (mocked)",
    "Simulated responses without sending traffic.",
    "We sign webhook requests with an HMAC header X-Signature. Verify using your webhook secret.",
    "X-Signature: t=1728000000,v1=abc123...",
    "400: validation error (missing/invalid parameters).",
    "401: invalid or missing API key.",
    "403: blocked, suspended, or IP not allowed.",
    "429: rate limit exceeded.",
    "5xx: transient service issue; retry with backoff.",
    "SDK examples",
    "Default: 120 requests/min per API key.",
    "Burst traffic for OTP can be requested via support.",
    "Use idempotency keys for retries to avoid duplicates.",
    "Idempotency-Key: msg-123-otp",
    "Support & Sandbox",
    "Use sandbox credentials for non-billable testing. For production enablement, ensure KYC,"
    " sender IDs, and webhook verification are configured.",
    "Need help? Open a ticket with request type “API” and include request IDs or timestamps.",
)
"""What the product's public page prints, in its words."""


def plain(html: str) -> str:
    """The text of a page, blanks made one."""
    text = re.sub(r"<[^>]+>", "", html).replace("&#34;", '"').replace("&#39;", "'")
    return re.sub(r"\s+", " ", text)


@pytest.fixture
async def docs(web: httpx.AsyncClient) -> str:
    response = await web.get("/docs")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    return response.text


async def test_the_page_prints_what_the_product_prints(docs: str) -> None:
    text = plain(docs)
    assert [line for line in PRINTED if line not in text] == []


async def test_the_start_page_is_the_documentation(web: httpx.AsyncClient, docs: str) -> None:
    start = (await web.get("/")).text
    here = ' aria-current="page"'
    assert start.replace(here, "") == docs.replace(here, "")


async def test_every_endpoint_is_there_once(docs: str) -> None:
    ids = re.findall(r' id="([^"]+)"', docs)
    assert len(ids) == len(set(ids))
    assert len(REFERENCE.operations) == len(ENDPOINTS)
    for endpoint, operation in zip(ENDPOINTS, REFERENCE.operations, strict=True):
        assert operation.anchor in ids
        assert docs.count(f'href="#{operation.anchor}"') >= 1
        assert f"/api/v1{endpoint.path}</code>" in docs
        takes = endpoint.takes.model_json_schema() if endpoint.takes else {}
        for name in takes.get("properties", {}):
            assert f'<code class="field-name">{name}</code>' in docs


async def test_every_section_has_a_place_of_its_own(docs: str) -> None:
    """An endpoint of a new kind is shown at the end; give it a section."""
    assert 'id="more"' not in docs
    for scope in SCOPES:
        assert f"<code>{scope}</code>" in docs


async def test_every_link_leads_somewhere(web: httpx.AsyncClient, docs: str) -> None:
    pages = {"/docs": docs, "/": docs}
    for href in set(re.findall(r'href="(/[^"]*|#[^"]*)"', docs)):
        path, _, fragment = (href if href.startswith("/") else f"/docs{href}").partition("#")
        if path not in pages:
            response = await web.get(path)
            assert response.status_code == 200, href
            pages[path] = response.text
        assert not fragment or f'id="{fragment}"' in pages[path], href


async def test_every_error_is_told_and_its_type_leads_to_it(
    web: httpx.AsyncClient, docs: str
) -> None:
    def below(kind: type[Problem]) -> set[type[Problem]]:
        return {kind}.union(*map(below, kind.__subclasses__()))

    known = {one.code for group in errors.by_status().values() for one in group}
    theirs = {one for one in below(Problem) - {Problem} if not one.__module__.startswith("api.web")}
    assert known == {one.code for one in theirs}
    page = (await web.get("/docs/errors")).text
    for problem in theirs:
        assert f'href="/docs/errors#{problem.code}"' in docs
        assert f'id="{problem.code}"' in page
        assert problem.title.partition(":")[0].partition("'")[0] in page
    refused = (await web.get("/api/v1/sms")).json()
    path, _, fragment = refused["type"].removeprefix(URL).partition("#")
    assert f'id="{fragment}"' in (await web.get(path)).text


async def test_every_event_is_told(docs: str) -> None:
    assert {one.name for one in events.KINDS} == set(get_args(EventType)) == set(SAMPLES)
    for kind in events.KINDS:
        assert f'id="event-{kind.name}"' in docs
        assert json.loads(kind.example)["event"] == kind.name


@pytest.mark.parametrize("operation", REFERENCE.operations, ids=lambda one: one.id)
def test_examples_are_what_the_document_allows(operation: reference.Operation) -> None:
    endpoint = next(one for one in ENDPOINTS if one.run.__name__ == operation.id)
    if endpoint.takes:
        sent = json.loads(operation.body_example or "null") or operation.query_example
        endpoint.takes.model_validate(sent)
    if operation.answer is not None:
        responses = DOCUMENT["paths"][operation.path][operation.method.lower()]["responses"]
        content = responses[str(endpoint.status)]["content"]["application/json"]
        check(content["schema"], operation.answer)


def test_the_reference_is_that_of_the_installation() -> None:
    other = reference.build(ENDPOINTS, "https://voice.example")
    assert all("https://voice.example/api/v1" in one.curl for one in other.operations)


async def simulate(web: httpx.AsyncClient, operation: str, **fields: str) -> httpx.Response:
    panel = (await web.get("/docs/try", params={"operation": operation})).text
    token = re.search(rf'name="{csrf.FIELD}" value="(\w+)"', panel)
    assert token
    data = {"operation": operation, csrf.FIELD: token[1], **fields}
    headers = {"Origin": URL, "HX-Request": "true"}
    return await web.post("/docs/try", data=data, headers=headers)


@pytest.mark.parametrize("operation", REFERENCE.operations, ids=lambda one: one.id)
async def test_every_panel_simulates_its_example(
    web: httpx.AsyncClient, operation: reference.Operation
) -> None:
    fields = {
        **{f"path.{name}": value for name, value in operation.path_example.items()},
        **{f"query.{name}": str(value) for name, value in operation.query_example.items()},
        "body": operation.body_example,
    }
    response = await simulate(web, operation.id, **fields)
    assert response.status_code == 200
    assert f">{operation.status}</span>" in response.text


async def test_the_panel_answers_as_the_platform_would(web: httpx.AsyncClient) -> None:
    async def told(body: str, **fields: str) -> str:
        return plain((await simulate(web, "send_message", body=body, **fields)).text)

    assert '"reference"' not in await told('{"to": "+15550001111", "text": "x"}')
    assert '"to": "+15550001111"' in await told('{"to": "+15550001111", "text": "x"}')
    assert "400 Bad Request" in await told('{"to": "+15550001111"}')
    assert "unknown_field" in await told('{"to": "+15550001111", "text": "x", "txt": 1}')
    assert "malformed_json" in await told("{")
    assert "malformed_json" in await told("[]")
    assert "402 Payment Required" in await told('{"to": "+15550000010", "text": "x"}')
    assert "recipient_opted_out" in await told('{"to": "+15550000011", "text": "x"}')
    hostile = (await simulate(web, "send_message", body='{"<script>": 1}')).text
    assert "<script>" not in hostile
    empty = await simulate(web, "show_message", **{"path.message_id": " "})
    assert "404 Not Found" in empty.text
    wrong = await simulate(web, "call_logs", **{"query.limit": "many", "query.search": ""})
    assert "400 Bad Request" in wrong.text


async def test_a_panel_is_a_page_of_its_own_without_scripts(web: httpx.AsyncClient) -> None:
    page = await web.get("/docs/try", params={"operation": "top_up"})
    assert "<h1>Try it</h1>" in page.text
    token = re.search(r'name="csrf" value="(\w+)"', page.text)
    assert token
    data = {"operation": "top_up", "csrf": token[1], "body": '{"amount": 3}'}
    answered = await web.post("/docs/try", data=data, headers={"Origin": URL})
    assert "<h1>Try it</h1>" in answered.text
    assert '"amount": 3' in plain(answered.text)
    assert (await web.get("/docs/try", params={"operation": "none"})).status_code == 404


async def test_the_page_tells_the_settings_of_the_installation(
    sqlite: Database, vault: Vault
) -> None:
    settings = Settings(
        public_url="https://api.example:8443", sandbox_host="sandbox.example",
        requests_per_minute=77,
    )  # fmt: skip
    async with client_of(create_app(settings, sqlite, vault)) as web:
        text = plain((await web.get("/docs")).text)
    assert "Production: https://api.example:8443/api/v1" in text
    assert "Sandbox: https://sandbox.example:8443/api/v1" in text
    assert "Default: 77 requests/min per API key." in text
    assert "api.sms-voip.local" not in text
