"""Databases with very many calls."""

from bench.call_log_data import accounts, fill
from bench.stored import Filling, Sql, Told
from db.migrate import upgrade
from db.searched import CALLS

ACCOUNT = (
    "INSERT INTO account (id, name, currency, country, status, webhook_secret_sealed, record,"
    " created_at) VALUES (:id, :name, 'USD', '', 'active', '', '', 0)"
)


def filling(rows: int) -> Filling:
    """So many calls and whose they are."""
    return Filling(f"calls-{rows}", rows, upgrade, frozenset({"call"}), _fill, (CALLS,))


def _fill(run: Sql, rows: int, told: Told) -> None:
    for account in accounts():
        run(ACCOUNT, account)
    fill(run, rows, lambda done: told(f"{done:,} are there"))
