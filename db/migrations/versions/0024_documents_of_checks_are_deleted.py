"""When the documents of an identity check were deleted, and which still have theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

KEPT = "decided_at IS NOT NULL AND documents_deleted_at IS NULL"


def upgrade() -> None:
    op.add_column(
        "identity_check", sa.Column("documents_deleted_at", sa.BigInteger(), nullable=True)
    )
    op.create_index(
        "ix_identity_check_kept", "identity_check", ["decided_at"], unique=False,
        sqlite_where=sa.text(KEPT), postgresql_where=sa.text(KEPT),
    )  # fmt: skip
