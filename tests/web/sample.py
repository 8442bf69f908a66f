"""Pages that exist in tests only: one of each kind. Who is signed in, a header tells."""

from dataclasses import dataclass
from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from api.fields import Body
from api.web import csrf
from api.web.page import PageContext, Pages
from api.web.streams import follow
from telephony.errors import InsufficientFundsError

page = Pages()


@dataclass(frozen=True)
class User:
    name: str
    role: str
    account_id: str = "acc_1"
    looks: bool = False

    @property
    def roles(self) -> tuple[str, ...]:
        return (self.role,)

    @property
    def withheld(self) -> tuple[str, ...]:
        return ()

    def confirmed(self, now: int) -> bool:
        return self.name != "Doubtful"


class Order(Body):
    """A form."""

    name: str = Field(min_length=2)
    text: str = ""


async def viewer_of(request: Request) -> User | None:
    role = request.headers.get("x-role")
    return User(request.headers.get("x-name", "Ann"), role) if role else None


@page("GET", "/sample", template="error_part.html")
async def shown(context: PageContext, _: None) -> dict[str, Any]:
    """Hostile text in a template."""
    return {"problem": InsufficientFundsError("<script>alert(1)</script>"), "request_id": "r"}


@page("GET", "/sample/form", template="error_part.html")
async def form(context: PageContext, _: None) -> Response:
    return PlainTextResponse(csrf.token(context.request))


async def again(context: PageContext) -> dict[str, Any]:
    told = "; ".join(f"{name}={text}" for name, text in context.errors.items())
    return {"problem": InsufficientFundsError(f"{context.values.get('name')}: {told}"),
            "request_id": "r"}  # fmt: skip


@page("POST", "/sample/form", takes=Order, template="error_part.html", again=again)
async def send(context: PageContext, order: Order) -> Response:
    if order.name == "poor":
        raise InsufficientFundsError
    return RedirectResponse(f"/sample?{order.name}", 303)


@page("POST", "/sample/bare")
async def bare(context: PageContext, _: None) -> Response:
    raise InsufficientFundsError


@page("GET", "/sample/owners", roles=("owner",), template="error_part.html")
async def owners(context: PageContext, _: None) -> dict[str, Any]:
    return {"problem": InsufficientFundsError(context.viewer.name), "request_id": "r"}


@page("POST", "/sample/owners", roles=("owner",))
async def owners_do(context: PageContext, _: None) -> Response:
    return PlainTextResponse("done")


@page("GET", "/sample/safe", roles=("owner",), confirm=True)
async def safe(context: PageContext, _: None) -> Response:
    return PlainTextResponse("open")


@page("POST", "/sample/safe", roles=("owner",), confirm=True)
async def safe_do(context: PageContext, _: None) -> Response:
    return PlainTextResponse("done")


@page("GET", "/sample/{name}/at", template="error_part.html")
async def named(context: PageContext, _: None) -> dict[str, Any]:
    return {"problem": InsufficientFundsError(context.path["name"]), "request_id": "r"}


@page("GET", "/sample/crash", template="error_part.html")
async def crash(context: PageContext, _: None) -> dict[str, Any]:
    raise RuntimeError("a defect with a secret in it")


@page("GET", "/sample/live")
async def live(context: PageContext, _: None) -> Response:
    async def look() -> str:
        return str(LOOKS.pop(0)) if len(LOOKS) > 1 else LOOKS[0]

    return follow(context.request, "ann", look)


LOOKS: list[str] = [""]
PAGES = tuple(page.all)
