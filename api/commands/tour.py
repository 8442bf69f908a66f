"""The tour's steps, each through the doors that a customer has: SIP, HTTP, webhooks."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from api.commands.sink import Sink
from telephony.voice.sip_accounts import new_secret
from telephony.voice.softphone import RegistrationRefused, Softphone, Talk

TALK_SECONDS = 2.0
EVENT_SECONDS_MAX = 15.0
CALL_EVENTS = ("call_ringing", "call_answered", "call_completed")
LOUD_PACKETS_MIN = 20
"""RTP comes 50 times a second; less than this much tone in two seconds is no conversation."""


class StepFailed(Exception):
    """The sentence says what was expected and what came."""


@dataclass
class Tour:
    """State that steps hand on. `facts` is the content of `ready.json`."""

    facts: dict[str, Any]
    http: aiohttp.ClientSession
    sink: Sink
    phones: list[Softphone] = field(default_factory=list)
    call_id: str = ""
    original_secret_in_force: bool = True

    async def register(self) -> str:
        """Two softphones register."""
        for account in self.facts["sip"]:
            if not account["password"]:
                raise StepFailed(
                    f"the secret of {account['username']} was changed after the demo account was"
                    " made, so the tour does not know it"
                )
            phone = Softphone(account["server"], account["username"], account["password"])
            self.phones.append(phone)
            await asyncio.to_thread(phone.register)
        names = " and ".join(account["username"] for account in self.facts["sip"])
        return f"{names} registered at {self.facts['sip'][0]['server']}"

    async def talk(self) -> str:
        """The API rings the first phone, then dials the second; both hear each other."""
        first, second = (account["username"] for account in self.facts["sip"])
        body = {"to": f"sip:{second}", "from": first, "callback_url": self.sink.url}
        self.call_id = (await self.post("/voice/call", body))["call_id"]
        caller = await asyncio.to_thread(self.phones[0].answer)
        callee = await asyncio.to_thread(self.phones[1].answer)
        await asyncio.gather(*(asyncio.to_thread(one.speak, TALK_SECONDS)
                               for one in (caller, callee)))  # fmt: skip
        _both_heard(caller, callee)
        await asyncio.to_thread(callee.hang_up)
        await asyncio.to_thread(caller.ended)
        return (
            f"{first} heard {caller.heard.packets} RTP packets ({caller.heard.loud} of tone),"
            f" {second} {callee.heard.packets} ({callee.heard.loud})"
        )

    async def webhooks(self) -> str:
        """Ringing, answered and completed arrive, signed."""
        await self._events(self.call_id)
        return f"{', '.join(CALL_EVENTS)} arrived with a good X-Signature"

    async def paid_call(self) -> str:
        """A call from a phone to a number of the simulated carrier costs what it should."""
        body = {"to": "+15559870007", "callback_url": self.sink.url}
        self.call_id = (await self.post("/voice/call", body))["call_id"]
        caller = await asyncio.to_thread(self.phones[0].answer)
        await asyncio.to_thread(caller.ended, 10)
        done = (await self._events(self.call_id))[-1]
        return f"{body['to']} answered, {done['billsec']} s of talk cost {done['cost']}"

    async def log(self) -> str:
        """The call is in the log with its talk time and cost."""
        page = await self.get("/voip/logs?search=+1555987&limit=5")
        row = next((one for one in page["data"] if one["call_id"] == self.call_id), None)
        if row is None or row["billsec"] < 1 or row["cost"] <= 0:
            raise StepFailed(f"the log shows {row} for call {self.call_id}")
        return f"{row['status']}, billsec {row['billsec']}, cost {row['cost']} {row['currency']}"

    async def rotate(self) -> str:
        """A new SIP secret works at once, and the old one is refused by the PBX."""
        account = self.facts["sip"][1]
        await asyncio.to_thread(self.phones.pop(1).stop)
        secret = new_secret()
        await self._set_secret(secret, account["username"])
        self.original_secret_in_force = False
        phone = Softphone(account["server"], account["username"], secret)
        self.phones.append(phone)
        await asyncio.to_thread(phone.register)
        old = Softphone(account["server"], account["username"], account["password"])
        try:
            await asyncio.to_thread(old.register)
        except RegistrationRefused:
            return f"{account['username']}: the new secret registers, the old one gets 401"
        finally:
            await asyncio.to_thread(old.stop)
        raise StepFailed(f"the PBX still takes the old secret of {account['username']}")

    async def message(self) -> str:
        """A message is delivered, and its report arrives, signed."""
        body = {"to": "+15551234567", "text": "Hi!", "callback_url": self.sink.url}
        sent = await self.post("/sms/send", body)
        found = {"message_id": sent["message_id"], "status": "delivered"}
        report = await self.sink.wait(EVENT_SECONDS_MAX, event="delivery_report", **found)
        return f"delivered at {report['delivered_at']}, cost {report['cost']}"

    async def close(self) -> None:
        """Give the demo account its first secret back and end the phones."""
        for phone in self.phones:
            await asyncio.to_thread(phone.stop)
        if not self.original_secret_in_force:
            account = self.facts["sip"][1]
            await self._set_secret(account["password"], account["username"])

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The JSON answer; StepFailed with the problem's code and sentence."""
        async with self.http.post(self._url(path), json=body) as response:
            return await _answer(response)

    async def get(self, path: str) -> dict[str, Any]:
        """The JSON answer; StepFailed with the problem's code and sentence."""
        async with self.http.get(self._url(path)) as response:
            return await _answer(response)

    async def _set_secret(self, secret: str, username: str) -> None:
        answer = await self.post(
            "/voip/password", {"sip_password": secret, "sip_account": username}
        )
        if not answer["applied"]:
            raise StepFailed(f"only {answer['nodes']} PBX nodes have the new secret")

    async def _events(self, call_id: str) -> list[dict[str, Any]]:
        events = [
            await self.sink.wait(EVENT_SECONDS_MAX, event=kind, call_id=call_id)
            for kind in CALL_EVENTS
        ]
        if self.sink.forged:
            raise StepFailed(f"{self.sink.forged} webhooks had a bad signature")
        return events

    def _url(self, path: str) -> str:
        return f"{self.facts['api_url']}/api/v1{path}"


STEPS = (
    Tour.register, Tour.talk, Tour.webhooks, Tour.paid_call, Tour.log, Tour.rotate, Tour.message,
)  # fmt: skip


async def _answer(response: aiohttp.ClientResponse) -> dict[str, Any]:
    body: dict[str, Any] = await response.json(content_type=None)
    if response.status >= 400:
        raise StepFailed(f"{response.status} {body.get('code')}: {body.get('detail')}")
    return body


def _both_heard(*talks: Talk) -> None:
    for talk in talks:
        if talk.heard.loud < LOUD_PACKETS_MIN:
            raise StepFailed(f"a phone heard only {talk.heard.loud} packets with sound")
