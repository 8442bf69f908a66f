"""The index of the calls of records leaves those out that match none: SQLite took it to find them,
and read all there ever were, instead of the one that has them in their order."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

WHERE = "call_id IS NOT NULL"


def upgrade() -> None:
    op.drop_index("ix_cdr_call_id", "cdr")
    op.create_index(
        "ix_cdr_call", "cdr", ["call_id"], unique=False,
        sqlite_where=sa.text(WHERE), postgresql_where=sa.text(WHERE),
    )  # fmt: skip
