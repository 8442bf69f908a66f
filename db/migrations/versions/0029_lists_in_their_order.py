"""Indexes in the order of lists, so that a page is read off them: numbers and keys of an account,
records that match no call."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

STRAY = "call_id IS NULL"


def upgrade() -> None:
    op.drop_index("ix_cdr_stray", "cdr")
    op.create_index(
        "ix_cdr_stray", "cdr", ["read_at", "node", "uniqueid", "sequence"], unique=False,
        sqlite_where=sa.text(STRAY), postgresql_where=sa.text(STRAY),
    )  # fmt: skip
    op.drop_index("ix_owned_number_account", "owned_number")
    op.create_index(
        "ix_owned_number_account", "owned_number", ["account_id", "number", "mode"], unique=False
    )
    op.drop_index("ix_api_key_account_id", "api_key")
    op.create_index("ix_api_key_account", "api_key", ["account_id", "id"], unique=False)
