"""The events that webhooks tell, each with the JSON that a receiver gets."""

import json
from dataclasses import dataclass

from telephony.webhooks.samples import SAMPLES


@dataclass(frozen=True)
class Kind:
    """A type of event."""

    name: str
    when: str

    @property
    def example(self) -> str:
        """The body of a delivery."""
        envelope = {
            "event": self.name, "id": "evt_01m83a783rqtfr965jgtnk7k8h",
            "created_at": "2026-01-12T20:15:00Z", "mode": "test",
        }  # fmt: skip
        return json.dumps(envelope | SAMPLES[self.name], indent=2)


KINDS = (
    Kind("delivery_report", "A message was sent, delivered or not."),
    Kind("message_received", "A phone wrote to one of your numbers."),
    Kind("call_ringing", "A call rings at the other end."),
    Kind("call_answered", "A call was answered."),
    Kind("call_completed", "A call is over, answered or not; its cost is final."),
    Kind("call_recording", "The recording of a call is ready."),
    Kind("sip_registration", "A phone signed in or out."),
    Kind("wallet_low", "A wallet fell below its threshold."),
)
