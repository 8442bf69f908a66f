"""Every metric of the platform beside those of `db.metrics`; docs/operations.md explains each.

No label holds a number, a name of a customer or anything else that a stranger may choose."""

from prometheus_client import Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
VALUES_MAX = 100
OTHER = "other"

HTTP_REQUESTS = Counter(
    "sms_voip_http_requests", "Requests by what answered them", ["method", "endpoint", "status"]
)
HTTP_SECONDS = Histogram(
    "sms_voip_http_request_seconds", "From request to reply", ["endpoint"], buckets=SECONDS
)

MESSAGES = Gauge("sms_voip_messages", "Messages in a state that passes", ["state", "lane"])
MESSAGE_OLDEST = Gauge(
    "sms_voip_message_oldest_seconds", "How long the oldest queued message is due", ["lane"]
)
CALLS = Gauge("sms_voip_calls", "Calls in a state that passes", ["state"])
CALL_OLDEST = Gauge("sms_voip_call_oldest_seconds", "How long the oldest queued call is due")
DELIVERIES = Gauge("sms_voip_deliveries", "Webhooks that wait, also for their next attempt")
DELIVERY_OLDEST = Gauge("sms_voip_delivery_oldest_seconds", "How long the oldest webhook is due")
HOLDS = Gauge("sms_voip_holds_open", "Holds that are neither captured nor released")
LEDGER_DRIFT = Gauge("sms_voip_ledger_drift", "Promises of the ledger that are broken")

PROVIDER_UP = Gauge("sms_voip_provider_up", "1 if the SMS provider takes messages", ["provider"])
PROVIDER_FIGURES = {
    "binds": Gauge("sms_voip_provider_binds", "SMPP binds that stand", ["provider"]),
    "window_in_use": Gauge(
        "sms_voip_provider_window_in_use", "submit_sm without a response", ["provider"]
    ),
    "latency_ms": Gauge(
        "sms_voip_provider_response_milliseconds",
        "From submit_sm to its response, moving average", ["provider"],
    ),
    "messages_per_second_max": Gauge(
        "sms_voip_provider_rate_max", "submit_sm a second that throttling allows now", ["provider"]
    ),
}  # fmt: skip
"""By the names that `Provider.figures` has for them."""
PROVIDER_SECONDS = Histogram(
    "sms_voip_provider_submit_seconds", "From a batch to the provider's last answer", ["provider"],
    buckets=SECONDS,
)  # fmt: skip
PROVIDER_PARTS = Counter(
    "sms_voip_provider_parts", "Parts of messages by what the provider said",
    ["provider", "outcome"],
)  # fmt: skip
PROVIDER_REFUSALS = Counter(
    "sms_voip_provider_refusals", "Parts that were not taken, by code", ["provider", "code"]
)
PROVIDER_RECEIPTS = Counter(
    "sms_voip_provider_receipts", "Delivery receipts by state", ["provider", "state"]
)
PROVIDER_INBOUND = Counter(
    "sms_voip_provider_inbound", "Parts of messages that came in", ["provider"]
)

CALLS_STARTED = Counter("sms_voip_calls_started", "Calls accepted, by where from", ["origin"])
CALLS_ANSWERED = Counter("sms_voip_calls_answered", "Calls that were answered", ["trunk"])
CALLS_ENDED = Counter(
    "sms_voip_calls_ended", "Calls by how they ended", ["status", "cause", "trunk"]
)
AMI_UP = Gauge("sms_voip_ami_link_up", "1 if the manager link of that user is ready", ["user"])
CDR_LAG = Gauge("sms_voip_cdr_lag_bytes", "What of the PBX's record file is not read yet")
PHONES_BEHIND = Gauge(
    "sms_voip_sip_accounts_behind", "SIP accounts that this PBX node is to be told of"
)
PHONES_OLDEST = Gauge(
    "sms_voip_sip_account_behind_seconds", "How long the PBX node is not told of the oldest change"
)
PHONES_REPAIRED = Counter(
    "sms_voip_sip_accounts_repaired", "SIP accounts whose entry on the PBX had drifted"
)

WEBHOOKS = Counter("sms_voip_webhook_attempts", "Attempts by result", ["result"])
WEBHOOK_SECONDS = Histogram(
    "sms_voip_webhook_seconds", "From a webhook's POST to its reply", buckets=SECONDS
)
LOOP_LAG = Histogram(
    "sms_voip_event_loop_lag_seconds", "How late the event loop was",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)  # fmt: skip


class Bounded:
    """Lets so many values of a label through and calls all others `other`: of codes that peers
    make up there is no end."""

    def __init__(self, most: int = VALUES_MAX) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        """The value itself, or `other`."""
        if value in self._known:
            return value
        if len(self._known) >= self._most:
            return OTHER
        self._known.add(value)
        return value
