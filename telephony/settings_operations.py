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
    stop_seconds: int = Field(
        3, ge=1, le=60,
        description="Seconds that requests under way get to finish when the platform is stopped",
    )  # fmt: skip
