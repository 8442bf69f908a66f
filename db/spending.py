"""What accounts and keys have committed themselves to in a day or a month, against their caps."""

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from db.base import Table
from db.columns import money, valid_mode
from db.connection import Conn, Reader, Row

Period = tuple[str, str]
"""Subject (account or key id) and period: `2026-01-12` or `2026-01`."""


class Spend(Table, table=True):
    """Charged or still held, by account or key and the period in which its hold was placed."""

    __table_args__ = (valid_mode(), CheckConstraint("amount >= 0", name="never_negative"))

    subject: str = Field(primary_key=True)
    mode: str = Field(primary_key=True)
    period: str = Field(primary_key=True)
    amount: int = money()


def add(conn: Conn, mode: str, periods: list[Period], amount: int) -> dict[Period, int]:
    """Count an amount in each period; what each has come to. The rows stay locked, so that who
    compares them with a cap compares what is true."""
    values = ", ".join(
        f"(:subject_{at}, :mode, :period_{at}, :amount)" for at in range(len(periods))
    )
    rows = conn.all(
        f"INSERT INTO spend (subject, mode, period, amount) VALUES {values}"
        " ON CONFLICT (subject, mode, period)"
        " DO UPDATE SET amount = spend.amount + excluded.amount RETURNING *",
        mode=mode, amount=amount, **_named(periods),
    )  # fmt: skip
    return {(row["subject"], row["period"]): row["amount"] for row in rows}


def take_back(conn: Conn, mode: str, periods: list[Period], amount: int) -> None:
    """Count an amount no longer."""
    where = " OR ".join(
        f"subject = :subject_{at} AND mode = :mode AND period = :period_{at}"
        for at in range(len(periods))
    )
    conn.run(
        f"UPDATE spend SET amount = amount - :amount WHERE {where}",
        mode=mode, amount=amount, **_named(periods),
    )  # fmt: skip


async def spent(reader: Reader, mode: str, periods: list[Period]) -> dict[Period, int]:
    """What was counted in these periods, but for those without anything; beside the writer."""
    where = " OR ".join(
        f"subject = :subject_{at} AND mode = :mode AND period = :period_{at}"
        for at in range(len(periods))
    )
    rows = await reader.all(
        f"SELECT subject, period, amount FROM spend WHERE {where}", mode=mode, **_named(periods)
    )
    return {(row["subject"], row["period"]): int(row["amount"]) for row in rows}


def _named(periods: list[Period]) -> dict[str, str]:
    named: dict[str, str] = {}
    for at, (subject, period) in enumerate(periods):
        named |= {f"subject_{at}": subject, f"period_{at}": period}
    return named


_CAPS = ", ".join(
    f"CASE WHEN a.spend_{period}_max IS NULL OR a.own_{period}_max < a.spend_{period}_max"
    f" THEN a.own_{period}_max ELSE a.spend_{period}_max END AS account_{period}"
    for period in ("day", "month")
)
"""The lower one of what the platform allows and what the account allows itself."""


def caps(conn: Conn, account_id: str, key_id: str | None) -> Row:
    """`account_day`, `account_month` and `key_day` in millionths; None where there is no cap."""
    found = conn.one(
        f"SELECT {_CAPS}, k.spend_day_max AS key_day FROM account a"
        " LEFT JOIN api_key k ON k.id = :key_id"
        " WHERE a.id = :account_id",
        account_id=account_id, key_id=key_id,
    )  # fmt: skip
    assert found is not None, account_id
    return found


async def caps_of(reader: Reader, account_id: str) -> Row:
    """`account_day` and `account_month`, and what of them is its own: `own_day`, `own_month`."""
    found = await reader.one(
        f"SELECT {_CAPS}, a.own_day_max AS own_day, a.own_month_max AS own_month FROM account a"
        " WHERE a.id = :account_id",
        account_id=account_id,
    )
    assert found is not None, account_id
    return found
