"""What is sent out to the world no more."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outgoing_stop",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('messages', 'calls')", name=op.f("ck_outgoing_stop_kind_known")
        ),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_outgoing_stop")),
    )
