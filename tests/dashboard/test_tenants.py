"""Every page and action that a customer may open, as the owner of another account who knows what
everything is called: nothing of it is shown, nothing of it is changed."""

from collections.abc import Mapping, Set
from html import unescape
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from starlette.types import ASGIApp

from api.app import PAGES
from api.web import csrf
from api.web.formats import phone
from api.web.page import PUBLIC, Page
from telephony.settings import Settings
from telephony.users.roles import PLATFORM
from tests.api.world import client_of
from tests.dashboard.tenants import MODE, Tenant, markers, rows_of, settle
from tests.users.test_identity import TOLD
from tests.users.world import PASSWORD, URL, People
from tests.voice.recorded import folder_settings

Words = Mapping[str, str]

CLOSED = [page for page in PAGES if page.roles is not PUBLIC]
CUSTOMERS = [page for page in CLOSED if not set(page.roles or ()) <= set(PLATFORM)]
ADMINS = [page for page in CLOSED if page not in CUSTOMERS]
LEAVING = ("/sign-out", "/dashboard/team/leave")
NAMES = {
    "id", "sender", "recipient", "number", "owned_number", "endpoint", "endpoint_id", "targets",
    "sip_account", "caller_id", "search", "from_", "cursor", "who", "action",
}  # fmt: skip
"""Fields that name something of an account."""
WORDS = TOLD | {
    "next": "/dashboard", "password": PASSWORD, "answer": "{}", "code": "123456", "name": "Mine",
    "email": "me@example.net", "role": "billing", "mode": MODE, "amount": "1", "form": "form-0001",
    "to": "+15559870003", "text": "Hi!", "signature": "t=1,v1=0", "url": "https://example.net/",
    "wallet": "wallet", "threshold": "5", "subject": "Why?", "body": "So it is.", "kind": "api",
    "codecs": "ulaw", "status": "active", "username": "", "strategy": "all", "ring_seconds": "20",
    "keyword": "stop",
}  # fmt: skip
"""What other fields are sent with, where they must be."""
NEEDED = {"codecs", "mode", "subject", "body"}
"""Fields that a model lets out, yet a form always has."""
UNSENT = {
    "days", "cidrs", "expires_at", "spend_day_max", "callback_url", "reference", "send_at",
    "validity_seconds", "max_price", "smart_encoding", "limit", "offset", "type", "state",
    "secret", "description", "event", "before", "calls_max", "calls_per_second", "direction",
    "requests_per_minute", "requests_burst", "day", "month", "document", "second_document",
    "request_ids", "file", "label", "short_number", "transports", "media", "max_contacts", "nat",
    "record", "timeout_seconds", "time_limit_seconds", "max_price_per_minute", "forward_to",
}  # fmt: skip
"""Fields that name nothing, and need not be sent."""
TICKED = {
    "/dashboard/keys": {"sms:send": "on"}, "/dashboard/phones/new": {"transport-udp": "on"},
    "/dashboard/phones/{id}": {"transport-udp": "on"},
}  # fmt: skip
"""Boxes, one of which a form wants."""
LAST = ("/disable", "/close", "/cancel", "/revoke", "/give-up", "/take-back", "/remove", "/delete",
        "/end-others", "/password")  # fmt: skip
"""Ends of actions after which less is there to act on."""
REFUSED_TO_ALL = {
    "/invitation/{token}/accept": 403, "/dashboard/security/codes": 403,
    "/dashboard/security/two-factor": 403, "/dashboard/security/two-factor/off": 403,
    "/dashboard/security/passkeys": 403, "/dashboard/identity": 400,
    "/dashboard/caller-ids/code": 400, "/dashboard/caller-ids/remove": 409,
}  # fmt: skip
"""What not even the owner of a thing is let do as it stands here: the invitation is for somebody
else, no app is set up, the check was handed in, the number is in use."""
UNHEARD = {"/dashboard/security/passkeys/remove": 303}
"""Forms that take away what is not there."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return folder_settings(tmp_path, public_url=URL)


@pytest.fixture
async def two(people: People, settings: Settings) -> tuple[Tenant, Tenant]:
    """Alderney's account and Bembridge's."""
    people.database.wakeups.stop()  # else what follows events would go on
    return (
        await settle(people, settings, "alderney", 3),
        await settle(people, settings, "bembridge", 4),
    )


class Browser:
    """Of a tenant. It remembers the token of its forms, and what was typed into it."""

    def __init__(self, client: httpx.AsyncClient, tenant: Tenant) -> None:
        self.client, self.tenant = client, tenant
        self.typed: set[str] = set()
        self._token = ""

    async def enter(self) -> None:
        """Sign in."""
        self.client.cookies.clear()
        self.client.cookies.set("session", self.tenant.token)
        page = await self.client.get("/dashboard/security")
        self._token = page.text.split('name="csrf" value="')[1].split('"')[0]

    async def ask(self, page: Page, ids: Words, query: Words | None = None) -> httpx.Response:
        """The page with the query, or its form, with what the ids name."""
        path, sent = path_of(page, ids), query or {}
        if page.method != "GET":
            sent = form_of(page, ids)
        self.typed |= {shown for text in sent.values() for shown in (text, phone(text))}
        if page.method == "GET":
            return await self.client.get(path, params=sent)
        data = {**sent, csrf.FIELD: self._token}
        return await self.client.request(page.method, path, data=data, headers={"Origin": URL})


def path_of(page: Page, ids: Words) -> str:
    """The path with what its holes stand for. A customer's page with a hole that is unknown here
    fails: let `tenants` say what fills it."""
    parts = page.path.split("/")
    for at, part in enumerate(parts):
        if part.startswith("{"):
            place = parts[-1] if parts[-1] in ids else parts[at - 1]
            assert place in ids or page in ADMINS, f"{page.path}: what is {part} of another?"
            parts[at] = quote(ids.get(place, "x"), safe="")
    return "/".join(parts)


def form_of(page: Page, ids: Words) -> dict[str, str]:
    """A form that is taken, with all that it may name."""
    sent = dict(TICKED.get(page.path, {}))
    for name, field in page.takes.model_fields.items() if page.takes else ():
        if name in names_of(page):
            sent[field.alias or name] = ids[place_of(page, ids) if name == "id" else name]
        elif name in WORDS and (field.is_required() or name in NEEDED):
            sent[field.alias or name] = WORDS[name]
    return sent


def names_of(page: Page) -> list[str]:
    """The fields that name something; `from` is a moment in some."""
    fields = page.takes.model_fields if page.takes else {}
    return [name for name, field in fields.items()
            if name in NAMES and (name != "from_" or field.annotation is str)]  # fmt: skip


def place_of(page: Page, ids: Words) -> str:
    """Of what the `id` of a form is: the last part of the path that says so."""
    found = [part for part in page.path.split("/") if part in ids]
    assert found or page in ADMINS, f"{page.path}: of what is the id in its form?"
    return found[-1] if found else "accounts"


def told(answer: httpx.Response, secrets: set[str], typed: Set[str] = frozenset()) -> set[str]:
    """Which of the texts are in an answer, or in where it leads, but for what was typed."""
    shown = unescape(answer.text) + answer.headers.get("location", "")
    for text in typed:
        if any(secret in text for secret in secrets - typed):
            shown = shown.replace(text, "")
    return {secret for secret in secrets - typed if secret in shown}


def test_every_field_of_a_form_is_known_here() -> None:
    """A new field names something of the account (NAMES), or does not (WORDS, UNSENT)."""
    for page in CUSTOMERS:
        fields = set(page.takes.model_fields) if page.takes else set()
        assert fields <= NAMES | set(WORDS) | UNSENT, (page.path, fields - NAMES - set(WORDS))


async def test_another_tenant_sees_and_changes_nothing(
    people: People, app: ASGIApp, two: tuple[Tenant, Tenant]
) -> None:
    alderney, bembridge = two
    kept = await rows_of(people.database, alderney)
    secrets = markers(kept, await rows_of(people.database, bembridge))
    async with client_of(app) as client:
        mine, theirs = Browser(client, alderney), Browser(client, bembridge)
        await mine.enter()
        await shows_what_is_there(mine, secrets)
        kept = await rows_of(people.database, alderney)
        await theirs.enter()
        await looks_elsewhere(theirs, alderney.ids, secrets)
        await does_elsewhere(theirs, alderney.ids, secrets)
        assert await rows_of(people.database, alderney) == kept
        await does_at_home(theirs, secrets)
    assert await rows_of(people.database, alderney) == kept


async def shows_what_is_there(browser: Browser, secrets: set[str]) -> None:
    """What is kept from others is no page without anything on it."""
    for page in CUSTOMERS:
        if page.method == "GET" and "{" in page.path:
            answer = await browser.ask(page, browser.tenant.ids)
            assert answer.status_code == 200, page.path
            whole = answer.headers["content-type"].startswith("text/html")
            assert not whole or told(answer, secrets), page.path


async def looks_elsewhere(browser: Browser, ids: Words, secrets: set[str]) -> None:
    """At lists, with filters that name another's things, too, and at those things."""
    for page in CUSTOMERS:
        if page.method != "GET":
            continue
        plain = [{"mode": mode} for mode in ("live", MODE)] if has(page, "mode") else [{}]
        for query in plain + [{name: one} for name in names_of(page) for one in asked(name, ids)]:
            answer = await browser.ask(page, ids, query)
            fine = (404,) if "{" in page.path else (200, 303) if query in plain else (200, 400)
            assert answer.status_code in fine, (page.path, query, answer.status_code)
            assert not told(answer, secrets, browser.typed), (page.path, query)


def asked(name: str, ids: Words) -> set[str]:
    """What a filter may be given: the field's own thing, or else each."""
    return {ids[name]} if name in ids and name != "search" else set(ids.values())


def has(page: Page, field: str) -> bool:
    return page.takes is not None and field in page.takes.model_fields


async def does_elsewhere(browser: Browser, ids: Words, secrets: set[str]) -> None:
    """Every action on another's things."""
    for page in CUSTOMERS:
        if page.method == "GET" or not ("{" in page.path or names_of(page)):
            continue
        answer = await browser.ask(page, ids)
        gone = "{" in page.path or has(page, "id") or has(page, "endpoint")
        fine = {**REFUSED_TO_ALL, **UNHEARD}.get(page.path, 404) if gone else 0
        assert answer.status_code == fine or not fine, (page.path, answer.status_code)
        assert answer.status_code < 500, page.path
        if not page.path.startswith("/invitation"):  # whoever has the link may read it
            assert not told(answer, secrets, browser.typed), page.path


async def does_at_home(browser: Browser, secrets: set[str]) -> None:
    """Every action on things of the tenant's own: what was refused was not the form."""
    forms = [page for page in CUSTOMERS if page.method != "GET" and page.path not in LEAVING]
    for page in sorted(forms, key=lambda one: one.path.endswith(LAST)):
        answer = await browser.ask(page, browser.tenant.ids)
        fine = (REFUSED_TO_ALL[page.path],) if page.path in REFUSED_TO_ALL else (200, 303)
        assert answer.status_code in fine, (page.path, answer.status_code)
        assert not told(answer, secrets, browser.typed), page.path


async def test_no_customer_is_let_into_what_administrators_do(
    people: People, app: ASGIApp, two: tuple[Tenant, Tenant]
) -> None:
    alderney, bembridge = two
    kept = await rows_of(people.database, alderney)
    async with client_of(app) as client:
        browser = Browser(client, bembridge)
        await browser.enter()
        for page in ADMINS:
            answer = await browser.ask(page, alderney.ids)
            assert answer.status_code == 403, page.path
            assert "Your role in this account does not allow this" in answer.text, page.path
            assert not told(answer, set(alderney.ids.values()), browser.typed), page.path
    assert await rows_of(people.database, alderney) == kept
