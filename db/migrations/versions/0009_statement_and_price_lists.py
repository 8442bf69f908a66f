"""Balances after each posting, the few postings that are no charges, price lists in pages."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("posting", sa.Column("balance_after", sa.BigInteger(), nullable=True))
    op.add_column("account", sa.Column("own_rates", sa.String(), nullable=False, server_default=""))
    op.execute(
        "UPDATE account SET own_rates = 'own' WHERE id IN (SELECT account_id FROM account_rate)"
    )
    op.create_table(
        "posting_of_kind",
        sa.Column("ledger_account_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("journal_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["ledger_account_id"],
            ["ledger_account.id"],
            name=op.f("fk_posting_of_kind_ledger_account_id"),
        ),
        sa.PrimaryKeyConstraint(
            "ledger_account_id", "kind", "journal_id", name=op.f("pk_posting_of_kind")
        ),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO posting_of_kind (ledger_account_id, kind, journal_id)"
        " SELECT l.id, j.kind, j.id FROM journal j JOIN posting p ON p.journal_id = j.id"
        " JOIN ledger_account l ON l.id = p.ledger_account_id AND l.kind IN ('wallet', 'sip')"
        " WHERE j.kind NOT IN ('charge', 'surplus')"
    )
    op.create_index("ix_rate_country", "rate", ["version_id", "country", "prefix"], unique=False)
    op.create_index("ix_rate_iso", "rate", ["version_id", "iso", "country", "prefix"], unique=False)
