"""Questions that prove the ledger: each statement lists the rows that break one promise. `:since`
is an id of a journal from which on to look; empty: everything."""

from db.connection import Conn, Reader, Row

ROWS_MAX = 1_000

_HELD = (
    "SELECT l.id, l.held FROM ledger_account l WHERE l.held <> (SELECT COALESCE(SUM(h.amount), 0)"
    " FROM hold h WHERE h.ledger_account_id = l.id AND h.state = 'open')"
)
_CHARGE = (
    "SELECT {shown} FROM journal j JOIN posting p ON p.journal_id = j.id AND p.amount < 0"
    " {joined} WHERE j.kind = 'charge' AND j.id >= :since AND {broken}"
)

RECENT = {
    "journal does not sum to zero": (
        "SELECT j.id, j.reference FROM journal j LEFT JOIN posting p ON p.journal_id = j.id"
        " WHERE j.id >= :since GROUP BY j.id, j.reference"
        " HAVING COALESCE(SUM(p.amount), 0) <> 0 OR COUNT(p.amount) < 2"
    ),
    "journal moves money of another mode": (
        "SELECT j.id, l.id AS pot FROM journal j JOIN posting p ON p.journal_id = j.id"
        " JOIN ledger_account l ON l.id = p.ledger_account_id"
        " WHERE j.id >= :since AND l.mode <> j.mode"
    ),
    "balance differs from its postings": (
        "SELECT l.id, l.balance, l.account_id FROM ledger_account l"
        " WHERE l.kind IN ('wallet', 'sip') AND (:since = '' OR l.id IN"
        " (SELECT p.ledger_account_id FROM posting p WHERE p.journal_id >= :since))"
        " AND l.balance <> (SELECT COALESCE(SUM(p.amount), 0) FROM posting p"
        " WHERE p.ledger_account_id = l.id)"
    ),
    "held differs from the open holds": _HELD,
    "charge differs from its hold": _CHARGE.format(
        shown="j.reference, p.amount, h.captured",
        joined="LEFT JOIN hold h ON h.reference = SUBSTR(j.reference, 8)"
        " AND h.ledger_account_id = p.ledger_account_id",
        broken="COALESCE(h.captured, 0) <> -p.amount",
    ),
    "charge differs from the cost of its message": _CHARGE.format(
        shown="m.id, m.cost, p.amount",
        joined="JOIN message m ON m.id = SUBSTR(j.reference, 8)",
        broken="m.cost <> -p.amount",
    ),
    "charge differs from the cost of its call": _CHARGE.format(
        shown="c.id, c.cost, p.amount",
        joined='JOIN "call" c ON c.id = SUBSTR(j.reference, 8)',
        broken="c.cost <> -p.amount",
    ),
    "refunds exceed their charge": (
        "SELECT c.id, c.reference FROM journal c WHERE c.kind = 'charge' AND c.id IN"
        " (SELECT r.refers_to FROM journal r WHERE r.refers_to IS NOT NULL AND r.id >= :since)"
        " AND (SELECT SUM(p.amount) FROM journal r JOIN posting p ON p.journal_id = r.id"
        " AND p.amount > 0 WHERE r.refers_to = c.id) >"
        " (SELECT SUM(p.amount) FROM posting p WHERE p.journal_id = c.id AND p.amount > 0)"
    ),
}
"""What changes can break; cheap for the journals of some minutes."""

WHOLE = {
    "captured hold without its charge": (
        "SELECT h.reference, h.captured FROM hold h WHERE h.captured > 0 AND NOT EXISTS"
        " (SELECT 1 FROM journal j WHERE j.reference = 'charge:' || h.reference)"
    ),
    "message not settled exactly once": (
        "SELECT m.id, m.status, m.cost, h.state, h.captured FROM message m"
        " LEFT JOIN hold h ON h.reference = m.id WHERE h.reference IS NULL"
        " OR (m.status IN ('scheduled', 'queued', 'sending', 'unknown')"
        " AND h.state IN ('captured', 'released'))"
        " OR (m.status NOT IN ('scheduled', 'queued', 'sending', 'unknown')"
        " AND (h.state = 'open' OR h.captured <> m.cost))"
    ),
    "call not settled exactly once": (
        'SELECT c.id, c.status, c.cost, h.state, h.captured FROM "call" c'
        " LEFT JOIN hold h ON h.reference = c.id WHERE c.status IN"
        " ('completed', 'busy', 'no_answer', 'failed', 'canceled')"
        " AND (h.state = 'open' OR c.cost <> COALESCE(h.captured, 0))"
    ),
    "hold of a call or message that is not there": (
        "SELECT h.reference FROM hold h WHERE h.state = 'open'"
        " AND NOT EXISTS (SELECT 1 FROM message m WHERE m.id = h.reference)"
        ' AND NOT EXISTS (SELECT 1 FROM "call" c WHERE c.id = h.reference)'
    ),
}
"""What needs a look at every hold, message and call."""

OPEN_QUESTIONS = {
    "record of no call": (
        "SELECT d.node, d.uniqueid, d.sequence, d.disposition FROM cdr d WHERE d.call_id IS NULL"
        " AND d.read_at >= :start AND d.ended_at >= :start AND d.ended_at < :stop"
    ),
    "completed call without a record": (
        'SELECT c.id, c.node, c.cost, c.currency, c.billsec FROM "call" c'
        " WHERE c.status = 'completed'"
        ' AND c.id >= COALESCE((SELECT MIN(id) FROM (SELECT id FROM "call"'
        " WHERE id >= :since_call ORDER BY id DESC LIMIT :calls_max) AS newest), '')"
        " AND c.ended_at >= :start AND c.ended_at < :stop"
        " AND NOT EXISTS (SELECT 1 FROM cdr d WHERE d.call_id = c.id)"
    ),
    "hold open longer than its call or message": (
        "SELECT h.reference, h.amount, l.currency, h.created_at FROM hold h"
        " JOIN ledger_account l ON l.id = h.ledger_account_id WHERE h.state = 'open'"
        " AND h.created_at >= :start AND h.created_at < :stop AND (EXISTS"
        ' (SELECT 1 FROM "call" c WHERE c.id = h.reference AND c.ended_at IS NOT NULL) OR EXISTS'
        " (SELECT 1 FROM message m WHERE m.id = h.reference AND m.status NOT IN"
        " ('scheduled', 'queued', 'sending', 'unknown')))"
    ),
    "surplus that the platform bears": (
        # Crossed: else SQLite would go through all postings of the time.
        "SELECT j.reference, j.at, p.amount, l.currency FROM journal j CROSS JOIN posting p"
        " CROSS JOIN ledger_account l WHERE p.journal_id = j.id AND p.amount > 0"
        " AND l.id = p.ledger_account_id"
        " AND j.kind = 'surplus' AND j.id >= :since_txn"
        " AND j.at >= :start AND j.at < :stop"
    ),
    "charge after its hold had expired": (
        "SELECT h.reference, h.amount, l.currency, h.closed_at FROM hold h"
        " JOIN ledger_account l ON l.id = h.ledger_account_id WHERE h.state = 'late'"
        " AND h.closed_at >= :start AND h.closed_at < :stop"
    ),
}
"""What is lawful and still worth a person's look. Rows with an amount have its `currency`, too."""
AMOUNTS = ("cost", "amount")
"""The columns of those rows that are money."""


async def ask(reader: Reader, sql: str, **params: object) -> list[Row]:
    """The first rows of an answer."""
    return await reader.all(f"{sql} LIMIT {ROWS_MAX}", **params)


def drift(conn: Conn) -> dict[str, list[Row]]:
    """Rows that break the promises of `RECENT`, by promise, within a transaction."""
    return {promise: conn.all(sql, since="") for promise, sql in RECENT.items()}


async def statement(reader: Reader, account_id: str, mode: str, start: int, stop: int) -> list[Row]:
    """What moved an account's money from `start` until before `stop`, oldest first, each with
    the pot's balance after it."""
    return await reader.all(
        "SELECT * FROM (SELECT j.at, j.id, j.kind, j.reference, j.actor, j.reason, l.kind AS pot,"
        " p.amount, SUM(p.amount) OVER (PARTITION BY l.id ORDER BY j.at, j.id) AS balance"
        " FROM ledger_account l JOIN posting p ON p.ledger_account_id = l.id"
        " JOIN journal j ON j.id = p.journal_id WHERE l.account_id = :account_id"
        " AND l.mode = :mode) moved WHERE at >= :start AND at < :stop ORDER BY at, id, pot",
        account_id=account_id, mode=mode, start=start, stop=stop,
    )  # fmt: skip
