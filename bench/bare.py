"""The baseline of the API: a Starlette endpoint that reads JSON and answers JSON, on uvicorn set
up as the platform's own. `python -m bench.bare PORT`."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

HOST, PATH = "127.0.0.1", "/api/v1/sms/send"


async def accept(request: Request) -> JSONResponse:
    """Answers as `POST /sms/send` would."""
    body = await request.json()
    return JSONResponse(
        {
            "message_id": "msg_01kb0000000000000000000000", "status": "queued", "cost": 0.007,
            "currency": "USD", "segments": 1, "encoding": "gsm7", "smart_encoded": False,
            "to": body["to"], "from": "SMSVOIP",
        },
        202,
    )  # fmt: skip


app = Starlette(routes=[Route(PATH, accept, methods=["POST"])])

if __name__ == "__main__":
    uvicorn.run(
        app, host=HOST, port=int(sys.argv[1]), log_config=None, access_log=False, lifespan="off",
        server_header=False,
    )  # fmt: skip
