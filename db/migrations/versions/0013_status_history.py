"""Since when parts of the platform are as they are, incidents, notices."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "component", sa.Column("remote", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    for column in ("since", "first_seen_at"):
        op.add_column(
            "component", sa.Column(column, sa.BigInteger(), nullable=False, server_default="0")
        )
    op.execute("UPDATE component SET since = checked_at, first_seen_at = checked_at")
    op.create_table(
        "incident",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("component", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "status IN ('degraded', 'outage')", name=op.f("ck_incident_status_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index("ix_incident_closed_at", "incident", ["closed_at"], unique=False)
    op.create_index(
        "ix_incident_open",
        "incident",
        ["component"],
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "status_notice",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("set_at", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("cleared_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_notice")),
    )
    op.create_index(
        "ix_status_notice_now",
        "status_notice",
        ["id"],
        unique=False,
        sqlite_where=sa.text("cleared_at IS NULL"),
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
