"""Structured logs: one JSON object a line, or a coloured one for people; both with the request id
of the work that a line belongs to, neither with secrets, texts or whole numbers."""

import logging
import re
import sys
import threading
from collections.abc import Callable
from types import TracebackType

import structlog
from structlog.contextvars import bind_contextvars, merge_contextvars, reset_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

REDACTIONS: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\b(sk_(?:live|test)_|whsec_)[\w+/=]+"), r"\1…"),
    (re.compile(r"(://)[^\s/@]+@"), r"\1…@"),
    (re.compile(r"(?i)((?:password|secret|token)\w*[\"']?\s*[:=]\s*[\"']?)[^\s\"',}]+"), r"\1…"),
    (re.compile(r"(?m)^(DETAIL: ).*$"), r"\1…"),
    (re.compile(r"(input_value=).*?(?=, input_type=)", re.DOTALL), r"\1…"),
    (re.compile(r"(?<![\w.])\+?\d{9,15}(?!\w|\.\d)|\+\d{5,15}"), lambda found: masked(found[0])),
)
"""The second line of defence, for what libraries put into their errors: keys, passwords in URLs,
the rows that PostgreSQL quotes, the values that pydantic quotes, phone numbers."""
SHOWN_DIGITS = 2
NOISE = ("color_message",)
"""What libraries add for terminals of their own."""


class bound:
    """A context whose log lines carry these facts, also those of tasks that it starts; structlog's
    own looks through every variable of the context, at each request."""

    def __init__(self, **facts: str | None) -> None:
        self._facts = facts

    def __enter__(self) -> None:
        self._tokens = bind_contextvars(**self._facts)

    def __exit__(self, *_: object) -> None:
        reset_contextvars(**self._tokens)


def masked(number: str) -> str:
    """`+15551234567` as `+15…67`: enough to recognise it by, too little to call it."""
    digits = SHOWN_DIGITS + number.startswith("+")
    return f"{number[:digits]}…{number[-SHOWN_DIGITS:]}"


def redacted(text: str) -> str:
    """The text without what no log may hold."""
    for pattern, instead in REDACTIONS:
        text = pattern.sub(instead, text)
    return text


def configure(style: str, level: str) -> None:
    """Send every line of every logger, and whatever ends the process, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(style))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    sys.excepthook = _ended
    threading.excepthook = _thread_ended


def _formatter(style: str) -> logging.Formatter:
    render: list[Processor]
    if style == "console":
        render = [structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback,
            pad_event_to=0, event_key="message", timestamp_key="time",
        )]  # fmt: skip
    else:
        render = [structlog.processors.JSONRenderer(ensure_ascii=False)]
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            _redact,
            *render,
        ],
    )


def _redact(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    return {
        name: redacted(value) if isinstance(value, str) and name != "time" else value
        for name, value in line.items()
        if name not in NOISE
    }


def _ended(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:  # fmt: skip
    logging.getLogger("sms_voip").critical("the process ends", exc_info=(kind, error, trace))


def _thread_ended(told: threading.ExceptHookArgs) -> None:
    if told.exc_value is not None:
        facts = (told.exc_type, told.exc_value, told.exc_traceback)
        logging.getLogger("sms_voip").critical("a thread ended", exc_info=facts)
