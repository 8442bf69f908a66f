"""Accounts are found by the words of their names, and by their status."""

import sqlalchemy as sa
from alembic import op

from db.account_search import words_of

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

ROWS = 1_000


def upgrade() -> None:
    words = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    made = op.create_table(
        "account_word",
        sa.Column("word", words, nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_word_account_id")
        ),
        sa.PrimaryKeyConstraint("word", "account_id", name=op.f("pk_account_word")),
    )
    op.create_index("ix_account_status", "account", ["status", "id"], unique=False)
    last = ""
    while rows := op.get_bind().execute(
        sa.text("SELECT id, name FROM account WHERE id > :last ORDER BY id LIMIT :rows"),
        {"last": last, "rows": ROWS},
    ).all():  # fmt: skip
        found = [{"word": word, "account_id": key} for key, name in rows for word in words_of(name)]
        if found:
            op.bulk_insert(made, found)
        last = rows[-1][0]
