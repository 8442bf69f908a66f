"""Traffic is counted by day, and first steps are remembered. What is stored by now is counted by
a worker, a little at a time."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "traffic_frontier",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("last_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_traffic_frontier")),
    )
    op.create_table(
        "traffic_day",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("day", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("units", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_traffic_day_mode_known")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_traffic_day_account_id")
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "mode", "day", "kind", "outcome", name=op.f("pk_traffic_day")
        ),
    )
    op.create_table(
        "first_step",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_first_step_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "step", name=op.f("pk_first_step")),
    )
