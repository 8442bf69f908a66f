"""The pages that everybody may see."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup
from pydantic import BaseModel, ConfigDict

from api.docs import errors, events, reference
from api.docs.annotated import samples
from api.docs.reference import Operation
from api.docs.simulate import simulate
from api.endpoint import Endpoint
from api.web.page import PageContext, Pages
from api.web.templates import environment
from telephony.accounts import SCOPES
from telephony.errors import NotFoundError
from telephony.settings import Settings

page = Pages()

FIRST = "send_message"


@page("GET", "/", template="docs/page.html", packed=True)
async def start(context: PageContext, _: None) -> dict[str, Any]:
    """The start page is the documentation."""
    return await _content(context)


@page("GET", "/docs", template="docs/page.html", packed=True)
async def docs(context: PageContext, _: None) -> dict[str, Any]:
    """All of the API on one page."""
    return await _content(context)


async def _content(context: PageContext) -> dict[str, Any]:
    state = context.request.app.state
    return {
        "content": await asyncio.to_thread(content, state.endpoints, Installed.of(context.settings))
    }


@page("GET", "/docs/errors", template="docs/errors.html", packed=True)
async def all_errors(context: PageContext, _: None) -> dict[str, Any]:
    """Every error; `type` of a problem leads here."""
    known = await _known(context)
    operations = known["reference"].operations
    return {
        "errors_by_status": errors.by_status(),
        "used_by": {
            problem.code: [one for one in operations if problem in one.errors]
            for group in errors.by_status().values() for problem in group
        },
    }  # fmt: skip


class Which(BaseModel):
    """The operation whose panel is asked for; `at` tells two panels of it on one page apart."""

    operation: str = FIRST
    at: str = "page"


class Try(BaseModel):
    """A request that is to be simulated; other fields are `path.NAME` and `query.NAME`."""

    model_config = ConfigDict(extra="allow")

    operation: str
    body: str = ""

    def named(self, place: str) -> dict[str, str]:
        """The fields of one place that are not empty, but for those of the path."""
        fields = (self.model_extra or {}).items()
        found = {name: str(value) for name, value in fields if name.startswith(f"{place}.")}
        return {
            name.removeprefix(f"{place}."): value.strip()
            for name, value in found.items()
            if value.strip() or place == "path"
        }


@page("GET", "/docs/try", takes=Which, template="docs/try.html", part="docs/try_panel.html")
async def try_it(context: PageContext, which: Which) -> dict[str, Any]:
    """The panel of one endpoint."""
    known = await _known(context)
    _, operation = _find(context, known, which.operation)
    at = "".join(char for char in which.at if char.isalnum())
    return {**known, "operation": operation, "at": at, "answer": None}


@page("POST", "/docs/try", takes=Try, template="docs/try.html", part="docs/try_answer.html")
async def simulated(context: PageContext, asked: Try) -> dict[str, Any]:
    """What the request would be answered with; nothing happens."""
    known = await _known(context)
    endpoint, operation = _find(context, known, asked.operation)
    answer = simulate(
        endpoint, operation, asked.named("path"), asked.named("query"), asked.body,
        context.settings.api_url,
    )  # fmt: skip
    return {**known, "operation": operation, "at": "page", "answer": answer}


async def _known(context: PageContext) -> dict[str, Any]:
    """Building takes a while, once."""
    base_url = context.settings.api_url
    endpoints = context.request.app.state.endpoints
    found = await asyncio.to_thread(reference.build, endpoints, base_url)
    return {"reference": found}


def _find(
    context: PageContext, known: dict[str, Any], operation_id: str
) -> tuple[Endpoint, Operation]:
    operation = known["reference"].find(operation_id)
    if operation is None:
        raise NotFoundError("There is no such endpoint.")
    endpoints = context.request.app.state.endpoints
    return next(one for one in endpoints if one.run.__name__ == operation_id), operation


@dataclass(frozen=True)
class Installed:
    """What the documentation tells of this installation; test keys go to `sandbox_url`."""

    base_url: str
    sandbox_url: str
    requests_per_minute: int

    @classmethod
    def of(cls, settings: Settings) -> "Installed":
        """By its settings."""
        base, sandbox = urlsplit(settings.api_url), settings.sandbox_host
        port = f":{base.port}" if base.port else ""
        there = base._replace(netloc=f"{sandbox}{port}").geturl() if sandbox else base.geturl()
        return cls(base.geturl(), there, settings.requests_per_minute)


@lru_cache(maxsize=4)
def content(endpoints: Sequence[Endpoint], here: Installed) -> Markup:
    """The documentation as HTML: it changes with code and settings only."""
    facts = {
        "reference": reference.build(endpoints, here.base_url), "here": here,
        "samples": samples(here.base_url), "scopes": SCOPES, "events": events.KINDS,
        "errors_by_status": errors.by_status(),
    }  # fmt: skip
    template = environment().get_template("docs/content.html")
    return Markup(template.render(path="/docs", **facts))
