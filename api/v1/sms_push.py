"""The way in for SMS providers that push receipts and messages; no customer's business, so it
stands beside the endpoints and their document."""

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from api.endpoint import body_of
from telephony.clock import now
from telephony.sms import pushed


async def push(request: Request) -> JSONResponse:
    """Answered only after all is kept: a provider repeats what was not answered."""
    state, body = request.app.state, await body_of(request)
    told = await pushed.read(
        state.db, state.vault, request.path_params["name"], request.headers, body
    )
    await state.db.write(pushed.take, told, now())
    return JSONResponse({"received": len(told)})


ROUTE = Route("/api/v1/sms/providers/{name}/inbound", push, methods=["POST"])
