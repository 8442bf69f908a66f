"""Templates: everything is escaped, a name that is missing is an error, and every sentence goes
through gettext (`_()` and `{% trans %}`), ready for catalogues of other languages."""

import json
from functools import cache, partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.version import VERSION
from api.web import assets, cookies, csrf, formats
from api.web.highlight import coloured

API = Path(__file__).parents[1]
HTMX = {
    "includeIndicatorStyles": False, "allowEval": False, "selfRequestsOnly": True,
    "historyCacheSize": 0,
}  # fmt: skip
"""No style or script of htmx's own, which the policy forbids; no page kept in the browser."""


@cache
def environment() -> Environment:
    """Templates of every door, each below its own `templates/` folder."""
    made = Environment(
        loader=FileSystemLoader(sorted(API.glob("*/templates"))),
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"], auto_reload=False,
    )  # fmt: skip
    made.install_null_translations(newstyle=True)  # type: ignore[attr-defined]
    made.filters.update(formats.FILTERS, coloured=coloured)
    made.globals.update(
        asset=assets.url, icon=assets.icon, percent=formats.percent, version=VERSION,
        htmx_config=json.dumps(HTMX),
    )  # fmt: skip
    return made


def render(request: Request, template: str, status: int = 200, **facts: Any) -> HTMLResponse:
    """A page. Templates get `facts`, the `viewer` (None where nobody is signed in), where they
    are (`path`), and `csrf_token()`, which also sets the cookie that belongs to it."""
    shared = {
        "path": request.url.path,
        "viewer": getattr(request.state, "viewer", None),
        "csrf_token": partial(csrf.token, request),
        "csrf_field": partial(_field, request),
        "is_htmx": "hx-request" in request.headers,
    }
    page = environment().get_template(template).render(shared | facts)
    response = HTMLResponse(page, status)
    cookies.remember(request, response)
    return response


def _field(request: Request) -> Markup:
    """The hidden field that every form needs."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(
        csrf.FIELD, csrf.token(request)
    )
