"""Which account an administrator's session looks at, and until when."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("session", sa.Column("looks_at", sa.String(), nullable=True))
    op.add_column("session", sa.Column("looks_until", sa.BigInteger(), nullable=True))
