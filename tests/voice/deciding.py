"""The handler behind the FastAGI servers of the tests, and deadlines short enough for them."""

import asyncio

from telephony.voice.fastagi import AgiLimits, AgiRequest, AgiVerdict

LIMITS = AgiLimits(
    header_seconds_max=0.4, handler_seconds_max=0.2, reply_seconds_max=0.3, drain_seconds_max=0.5
)
TO_BOB = AgiVerdict(True, {"SV_LEGS": "phones:bob", "SV_TO": "bob"})


class Decider:
    """A handler that keeps what it was asked and gives its verdict, slowly if told so."""

    def __init__(self, verdict: AgiVerdict = TO_BOB) -> None:
        self.asked: list[AgiRequest] = []
        self.verdict = verdict
        self.by_dialled: dict[str, AgiVerdict] = {}  # where one of them is not for all
        self.seconds = 0.0
        self.fault: Exception | None = None

    async def __call__(self, request: AgiRequest) -> AgiVerdict:
        self.asked.append(request)
        await asyncio.sleep(self.seconds)
        if self.fault:
            raise self.fault
        return self.by_dialled.get(request.arguments[2], self.verdict)
