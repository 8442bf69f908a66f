"""How many rows are in each state that does not last, and how long the oldest is due."""

from db.connection import Reader, Row

QUEUED, UNANSWERED, SCHEDULED = (
    "status = 'queued'", "status IN ('sending', 'unknown')", "status = 'scheduled'"
)  # fmt: skip
"""In the words of the indexes that hold these rows alone."""
_OPEN = "status IN ('dialing', 'ringing', 'answered')"


async def messages(reader: Reader, most: int) -> list[Row]:
    """`status`, `lane`, `n` and `oldest`, when the first was due; `most` rows of a state count."""
    return [
        row
        for state in (QUEUED, UNANSWERED, SCHEDULED)
        for row in await reader.all(
            "SELECT status, lane, COUNT(*) AS n, MIN(next_attempt_at) AS oldest FROM"
            f" (SELECT status, lane, next_attempt_at FROM message WHERE {state} LIMIT :most)"
            " AS few GROUP BY status, lane",
            most=most,
        )
    ]


async def calls(reader: Reader, most: int) -> list[Row]:
    """`status`, `n` and `oldest`, when the first had its turn: None for those that had it."""
    return [
        row
        for state in (QUEUED, _OPEN)
        for row in await reader.all(
            "SELECT status, COUNT(*) AS n,"
            " MIN(CASE WHEN status = 'queued' THEN due_at END) AS oldest FROM"
            f" (SELECT status, due_at FROM call WHERE {state} LIMIT :most) AS few GROUP BY status",
            most=most,
        )
    ]


async def deliveries(reader: Reader, most: int) -> Row:
    """`n` and `oldest` of the webhooks that wait."""
    return await _one(
        reader,
        "SELECT COUNT(*) AS n, MIN(next_attempt_at) AS oldest FROM (SELECT next_attempt_at"
        " FROM delivery WHERE state = 'pending' ORDER BY next_attempt_at LIMIT :most) AS few",
        most=most,
    )


async def mails(reader: Reader, most: int) -> Row:
    """`n` and `oldest` of the mails that wait."""
    return await _one(
        reader,
        "SELECT COUNT(*) AS n, MIN(next_attempt_at) AS oldest FROM (SELECT next_attempt_at"
        " FROM mail WHERE state = 'pending' ORDER BY next_attempt_at LIMIT :most) AS few",
        most=most,
    )


async def holds(reader: Reader, most: int) -> int:
    """How many holds are open."""
    sql = (
        "SELECT COUNT(*) AS n FROM"
        " (SELECT 1 AS one FROM hold WHERE state = 'open' LIMIT :most) AS few"
    )
    return int((await _one(reader, sql, most=most))["n"])


async def phones_behind(reader: Reader, node: str, most: int) -> Row:
    """`n` SIP accounts that the node is to be told of, the first changed at `oldest`."""
    return await _one(
        reader,
        "SELECT COUNT(*) AS n, MIN(changed_at) AS oldest FROM (SELECT changed_at"
        " FROM sip_account_node WHERE node = :node AND behind LIMIT :most) AS few",
        node=node, most=most,
    )  # fmt: skip


async def _one(reader: Reader, sql: str, **params: object) -> Row:
    row = await reader.one(sql, **params)
    assert row is not None
    return row
