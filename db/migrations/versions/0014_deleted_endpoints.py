"""Webhook endpoints that were deleted are found, to forget them."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    deleted = "deleted_at IS NOT NULL"
    op.create_index(
        "ix_webhook_endpoint_deleted", "webhook_endpoint", ["deleted_at"], unique=False,
        sqlite_where=sa.text(deleted), postgresql_where=sa.text(deleted),
    )  # fmt: skip
