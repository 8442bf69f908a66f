"""What a platform has after very many messages and calls, nearly all of one account: each row is
made from its number alone, and what does not depend on it is copied from a row that is there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.call_log_data import INSTANT, ROWS_PER_STATEMENT, digits

DAYS = 90
DAY_MILLIS = 24 * 3600 * 1000
OTHERS = 2_000
SMALL = f"'acc_0000000000' || {digits(f'x % {OTHERS}', 16)}"
OURS = "n % 10 < 9"
"""Nine of ten rows belong to the large account."""
RARE = 500
"""So many of the oldest rows have what no other has: it is found last."""
TO_COME = 2 * DAYS * DAY_MILLIS * 1000
"""Versions of price lists begin so much later, and change no price now."""
OPEN = 100
"""So many of the newest are not done with."""
MESSAGE, CALL = "'msg_' || tail", "'call_' || tail"
_MESSAGE_EVENT, _CALL_EVENT = "'evt_' || tail", f"'evt_' || instant || 'g' || {digits('n', 15)}"
_MESSAGE_ENTRY, _CALL_ENTRY = "'txn_' || tail", f"'txn_' || instant || 'g' || {digits('n', 15)}"
_PHONE = f"'+1555' || {digits('x / 19', 7)}"
_WORDS = "'Company ' || n || ' of the ' || (x % 97) || 'th street'"


@dataclass(frozen=True)
class Bulk:
    """Rows of a table: `share` for each of the rows that are asked for, or as many as `count`.
    `varied` are expressions, `same` values; the other columns are those of the newest row that
    `like` finds."""

    table: str
    varied: dict[str, str]
    same: dict[str, Any] | None = None
    like: str = ""
    share: float = 1
    only: str = "1 = 1"
    count: int = 0

    def rows(self, rows: int) -> int:
        """How many numbers there are, before `only` leaves some out."""
        return self.count or max(1, int(rows * self.share))

    def statement(self, same: list[str]) -> str:
        """Adds the rows from number :first to :last of :rows; `same` are columns whose values are
        parameters."""
        columns = ", ".join(f'"{name}"' for name in (*self.varied, *same))
        values = ", ".join((*self.varied.values(), *(f":same_{name}" for name in same)))
        return (
            f'INSERT INTO "{self.table}" ({columns}) WITH RECURSIVE numbers(n) AS (SELECT'
            " CAST(:first AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < :last),"
            # A permutation of the numbers, twice, so that neighbours have nothing in common.
            " mixed AS (SELECT n, (n * 6364136223 + 1442695041) % 1000000007 * 8191 % 999999937"
            " AS x, CAST(:begin AS BIGINT) + n * CAST(:millis AS BIGINT) / :rows AS ms"
            f" FROM numbers), spelled AS (SELECT n, x, ms, ms * 1000 AS moment, {INSTANT}"
            f" AS instant FROM mixed), facts AS (SELECT n, x, moment, instant, instant ||"
            f" {digits('n', 16)} AS tail, CASE WHEN {OURS} THEN :account ELSE {SMALL} END AS owner,"
            f" CASE WHEN {OURS} THEN :wallet ELSE 'lac_w' || {SMALL} END AS wallet,"
            f" CASE WHEN {OURS} THEN :sip ELSE 'lac_s' || {SMALL} END AS sip FROM spelled)"
            f" SELECT {values} FROM facts WHERE {self.only}"
        )


def _events(name: str, event: str, of: dict[str, str], kind: str) -> list[Bulk]:
    """An event for each row, with its delivery and that one's attempt."""
    delivery = f"'dlv_' || SUBSTR({event}, 5)"
    state = f"CASE WHEN n >= :rows - {OPEN} THEN 'pending' WHEN x % 100 < 97 THEN 'delivered'"
    return [
        Bulk("event", {"id": event, "account_id": "owner", "subject": name, "created_at": "moment",
                       "request_id": "'req_' || tail", **of},
             {"type": kind, "mode": "live", "fact": "done"}, like=f"type = '{kind}'"),
        Bulk("delivery", {"id": delivery, "event_id": event, "account_id": "owner",
                          "endpoint_id": f"CASE WHEN {OURS} THEN :endpoint END",
                          "state": f"{state} ELSE 'failed' END", "next_attempt_at": "moment",
                          "created_at": "moment"},
             {"url": "https://small.example.com/hook"}, like="state = 'delivered'"),
        Bulk("delivery_attempt", {"delivery_id": delivery, "at": "moment"}, {"number": 1},
             like="number = 1", only=f"n < :rows - {OPEN}"),
    ]  # fmt: skip


def _money(name: str, entry: str, pot: str) -> list[Bulk]:
    """A hold for each row, its charge and both postings of that."""
    open_one = f"n >= :rows - {OPEN}"
    return [
        Bulk("hold", {"reference": name, "ledger_account_id": pot, "created_at": "moment",
                      "state": f"CASE WHEN {open_one} THEN 'open' WHEN x % 5000 = 7 THEN 'late'"
                               " ELSE 'captured' END",
                      "captured": f"CASE WHEN {open_one} THEN 0 ELSE 6000 END",
                      "closed_at": f"CASE WHEN {open_one} THEN NULL ELSE moment END"},
             {"mode": "live", "amount": 6_000}),
        Bulk("journal", {"id": entry, "reference": f"'charge:' || {name}", "at": "moment",
                         "kind": "CASE WHEN x % 1000 = 7 THEN 'surplus' ELSE 'charge' END"},
             {"mode": "live", "actor": "system", "reason": ""}),
        Bulk("posting", {"journal_id": entry, "ledger_account_id": pot},
             {"amount": -6_000, "balance_after": 500_000_000}),
        Bulk("posting", {"journal_id": entry}, {"ledger_account_id": ":revenue", "amount": 6_000}),
    ]  # fmt: skip


def _pots() -> list[Bulk]:
    return [
        Bulk("ledger_account", {"id": f"'lac_{kind[0]}' || {SMALL.replace('x %', 'n %')}",
                                "account_id": SMALL.replace("x %", "n %")},
             {"mode": "live", "kind": kind}, like=f"kind = '{kind}'", count=OTHERS)
        for kind in ("wallet", "sip")
    ]  # fmt: skip


_MESSAGE_STATUS = (
    f"CASE WHEN n < {RARE} THEN 'expired' WHEN n >= :rows - {OPEN} THEN 'queued' WHEN x % 100 < 92"
    " THEN 'delivered' WHEN x % 100 < 96 THEN 'undelivered' WHEN x % 100 < 99 THEN 'failed'"
    " ELSE 'sent' END"
)
_CALL_STATUS = (
    f"CASE WHEN n < {RARE} THEN 'canceled' WHEN x / 13 % 100 < 70 THEN 'completed'"
    " WHEN x / 13 % 100 < 90 THEN 'no_answer' ELSE 'busy' END"
)
_DIRECTION = (
    f"CASE WHEN n < {RARE} THEN 'internal' WHEN x % 10 < 7 THEN 'outbound' ELSE 'inbound' END"
)

BULKS = (
    Bulk("account", {"id": SMALL.replace("x %", "n %"), "name": _WORDS, "created_at": "moment"},
         like="id <> 'acc_platform'", count=OTHERS),
    Bulk("account_word", {"word": "n || ''", "account_id": SMALL.replace("x %", "n %")},
         count=OTHERS),
    *_pots(),
    Bulk("message", {"id": MESSAGE, "account_id": "owner", "status": _MESSAGE_STATUS,
                     "to_number": _PHONE, "created_at": "moment", "sent_at": "moment",
                     "delivered_at": "moment", "expires_at": "moment + 86400000000",
                     "next_attempt_at": "moment", "reference": "'order-' || n",
                     "request_id": "'req_' || tail"},
         {"mode": "live"}, like="status = 'delivered'"),
    *(Bulk("message_history", {"id": f"'mh_' || instant || {digits(f'n * 2 + {at}', 16)}",
                               "message_id": MESSAGE, "at": f"moment + {at}"}, {"status": status},
           like="status = 'delivered'") for at, status in enumerate(("sent", "delivered"))),
    Bulk("call", {"id": CALL, "channel_id": CALL, "account_id": "owner", "status": _CALL_STATUS,
                  "direction": _DIRECTION, "to_number": _PHONE, "created_at": "moment",
                  "sip_account": "'phone-' || (x / 11 % 500)", "started_at": "moment",
                  "answered_at": "moment", "ended_at": "moment + 67000000",
                  "request_id": "'req_' || tail"},
         {"mode": "live"}, like="status = 'completed'"),
    *(Bulk("call_moment", {"id": f"'cm_' || instant || {digits(f'n * 2 + {at}', 16)}",
                           "call_id": CALL, "at": f"moment + {at}"}, {"status": status},
           like="status = 'completed'") for at, status in enumerate(("answered", "completed"))),
    Bulk("cdr", {"uniqueid": CALL, "linkedid": CALL, "ended_at": "moment", "read_at": "moment",
                 "call_id": f"CASE WHEN x % 100 > 0 THEN {CALL} END"},
         {"node": "pbx1", "sequence": 1, "disposition": "ANSWERED", "raw": "{}"}),
    Bulk("recording", {"id": "'rec_' || tail", "call_id": CALL, "account_id": "owner",
                       "created_at": "moment"},
         {"mode": "live", "node": "pbx1", "status": "stored", "channels": 1, "size": 960_000,
          "sha256": "", "duration": 60, "repaired": False, "stored_as": "there"}, only="n % 5 = 0"),
    *_events(MESSAGE, _MESSAGE_EVENT, {}, "delivery_report"),
    *_events(CALL, _CALL_EVENT, {}, "call_completed"),
    *_money(MESSAGE, _MESSAGE_ENTRY, "wallet"),
    *_money(CALL, _CALL_ENTRY, "sip"),
    Bulk("sms_inbound", {"id": f"'msg_' || instant || 'h' || {digits('n', 15)}",
                         "account_id": "owner", "from_number": _PHONE, "created_at": "moment",
                         "fact": "'bulk ' || n"}, {"mode": "live"}, like="keyword = ''", share=0.3),
    Bulk("sms_opt_out", {"account_id": "owner", "recipient": f"'+1777' || {digits('n', 7)}",
                         "at": "moment"}, {"mode": "live"}, like="1 = 1", share=0.1),
    Bulk("request_log", {"id": "'rql_' || tail", "request_id": "'req_' || tail",
                         "account_id": "owner", "at": "moment"}, {"mode": "live"}, like="1 = 1"),
    Bulk("audit_log", {"id": "'aud_' || tail", "seq": "n + 1000", "at": "moment",
                       "account_id": "owner", "subject": "owner"}, like="account_id IS NOT NULL"),
    Bulk("ticket", {"id": "'tkt_' || tail", "account_id": "owner", "created_at": "moment",
                    "updated_at": "moment", "status": "CASE WHEN x % 10 < 8 THEN 'closed'"
                    " WHEN x % 10 < 9 THEN 'open' ELSE 'answered' END"}, like="1 = 1", share=0.02),
    Bulk("ticket_entry", {"id": "'tke_' || tail", "ticket_id": "'tkt_' || tail",
                          "created_at": "moment"}, like="by_support", share=0.02),
    Bulk("sip_account", {"id": "'sip_' || tail", "account_id": "owner", "short_number": "NULL",
                         "username": "'bulk-' || n", "created_at": "moment"}, like="1 = 1",
         share=0.001),
    Bulk("owned_number", {"number": f"'+1666' || {digits('n', 7)}", "account_id": "owner",
                          "created_at": "moment"}, {"mode": "live"}, like="1 = 1", share=0.0002),
    Bulk("trunk_route", {"prefix": f"'4' || {digits('n', 7)}", "priority": "x % 3"}, like="1 = 1",
         share=0.01),
    Bulk("sms_route", {"id": "'rte_' || tail", "account_id": "owner", "priority": "x % 3",
                       "prefix": f"'4' || {digits('n', 7)}"}, like="1 = 1", share=0.01),
    Bulk("tariff_version", {"id": "'trv_' || tail", "valid_from": f"moment + {TO_COME}"},
         like="importing_until IS NULL", share=0.001),
    Bulk("account_notice", {"id": "'ntc_' || tail", "account_id": "owner", "created_at": "moment"},
         {"mode": "live"}, like="1 = 1", share=0.001),
    Bulk("dead_letter", {"id": "'dead_' || tail", "at": "moment"},
         {"source": "bulk", "raw": "{", "error": "Expecting value"}, share=0.001),
)  # fmt: skip
"""In an order in which what is referred to comes first."""


def tables() -> set[str]:
    """Those that get rows."""
    return {bulk.table for bulk in BULKS}


def fill(
    run: Callable[[str, dict[str, Any]], object], facts: dict[str, Any], rows: int,
    sample: Callable[[str, str], dict[str, Any]], told: Callable[[str], None],
) -> None:  # fmt: skip
    """Add all rows by `run`, which commits; `facts` are the ids that statements name, and `end`,
    the milliseconds of the epoch at which the last row was made; `sample` finds a row."""
    millis = DAYS * DAY_MILLIS
    for bulk in BULKS:
        whole = bulk.rows(rows)
        same = {**(sample(bulk.table, bulk.like) if bulk.like else {}), **(bulk.same or {})}
        same = {name: value for name, value in same.items()
                if value is not None and name not in bulk.varied}  # fmt: skip
        sql = bulk.statement(list(same))
        used = {f"same_{name}": _named(value, facts) for name, value in same.items()}
        for first in range(0, whole, ROWS_PER_STATEMENT):
            last = min(whole, first + ROWS_PER_STATEMENT) - 1
            run(sql, {**facts, **used, "first": first, "last": last, "rows": whole,
                      "begin": facts["end"] - millis, "millis": millis})  # fmt: skip
            told(f"{last + 1:,} of {bulk.table}")


def _named(value: Any, facts: dict[str, Any]) -> Any:
    return facts[value[1:]] if isinstance(value, str) and value[:1] == ":" else value
