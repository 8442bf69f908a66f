"""The settings of running the platform: logs, metrics, limits of queues, and how it stops."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings


class OperationsSettings(BaseSettings):
    """What an operator sets who has no wish of how calls and messages behave."""

    log_format: Literal["json", "console", ""] = Field(
        "", description="Log lines: json or console; empty: console under `up`, json elsewhere"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Log lines below this level are left out"
    )
    metrics_host: str = Field(
        "127.0.0.1", description="IP address that /metrics listens on; it needs no key"
    )
    metrics_port: int = Field(
        0, ge=0, le=65535,
        description="TCP port of /metrics, of each process its own; 0: 9464 under `up`, else off",
    )  # fmt: skip
    request_log_days: int = Field(
        30, ge=0, le=3650, description="Days that requests can be looked up by id; 0: none is kept"
    )
    identity_document_days: int = Field(
        0, ge=0, le=3650,
        description="Days after which documents of a decided identity check are deleted; 0: never",
    )  # fmt: skip
    messages_queued_max: int = Field(
        500_000, ge=1, description="Messages that may wait in the queue; one more is refused"
    )
    messages_queued_account_max: int = Field(
        100_000, ge=1, description="The same of one account, so that it leaves room to others"
    )
    calls_queued_max: int = Field(
        10_000, ge=1, description="Calls that may wait for their turn; one more is refused"
    )
    calls_queued_account_max: int = Field(1_000, ge=1, description="The same of one account")
    support_email: str = Field(
        "", description="Address that is told of customers' tickets; empty: none is"
    )
    stop_seconds: int = Field(
        3, ge=1, le=60,
        description="Seconds that requests under way get to finish when the platform is stopped",
    )  # fmt: skip
    probe_call_seconds: int = Field(
        60, ge=0, le=3600,
        description="Seconds between two calls of the platform's own to its simulated carrier, by"
        " which /status knows that calls work; 0: none",
    )  # fmt: skip
    otel_endpoint: str = Field(
        "",
        description="Where spans go, as OTLP over HTTP, such as http://127.0.0.1:4318/v1/traces;"
        " needs the extra `otel`; empty: nowhere",
    )
    otel_sample_ratio: float = Field(
        1.0, ge=0, le=1, description="Share of the traces that are kept, each of them whole"
    )
