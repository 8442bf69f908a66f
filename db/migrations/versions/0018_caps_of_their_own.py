"""Customers cap their own spending, below what they are allowed."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("own_day_max", "own_month_max"):
        op.add_column("account", sa.Column(column, sa.BigInteger(), nullable=True))
