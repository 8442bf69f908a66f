"""Webhook endpoints: several for an account, their secrets, replays and notices."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _partial(name: str, table: str, columns: list[str], where: str, unique: bool = False) -> None:
    op.create_index(
        name, table, columns, unique=unique,
        sqlite_where=sa.text(where), postgresql_where=sa.text(where),
    )  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("events", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("secret_sealed", sa.Text(), nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.Column("disabled_because", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_webhook_endpoint_mode_known")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_webhook_endpoint_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
    )
    _partial(
        "ix_webhook_endpoint_account", "webhook_endpoint", ["account_id", "mode", "id"],
        "deleted_at IS NULL",
    )  # fmt: skip
    op.create_table(
        "webhook_old_secret",
        sa.Column("owner_id", sa.String(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("secret_sealed", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "expires_at", name=op.f("pk_webhook_old_secret")),
    )
    op.create_index(
        "ix_webhook_old_secret_expires_at", "webhook_old_secret", ["expires_at"], unique=False
    )
    op.create_table(
        "webhook_replay",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("which", sa.String(), nullable=False),
        sa.Column("since_id", sa.String(), nullable=False),
        sa.Column("until_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["webhook_endpoint.id"], name=op.f("fk_webhook_replay_endpoint_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_replay")),
    )
    op.create_index(
        "ix_webhook_replay_endpoint_id", "webhook_replay", ["endpoint_id"], unique=False
    )
    op.create_table(
        "account_notice",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_account_notice_mode_known")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_notice_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_notice")),
    )
    _partial(
        "ix_account_notice_unseen", "account_notice", ["account_id", "mode", "id"],
        "seen_at IS NULL",
    )  # fmt: skip
    op.add_column("delivery", sa.Column("endpoint_id", sa.String(), nullable=True))
    op.add_column(
        "delivery", sa.Column("schedule_from", sa.Integer(), nullable=False, server_default="0")
    )
    _partial(
        "ix_delivery_held", "delivery", ["endpoint_id", "id"],
        "next_attempt_at = 9000000000000000000",
    )  # fmt: skip
    _partial(
        "ix_delivery_unwell", "delivery", ["account_id", "state", "event_id"],
        "state <> 'delivered'",
    )  # fmt: skip
    _partial(
        "ix_delivery_endpoint", "delivery", ["endpoint_id", "event_id"],
        "endpoint_id IS NOT NULL", unique=True,
    )  # fmt: skip
    op.drop_index("ix_event_account_id", table_name="event")
    op.create_index("ix_event_account", "event", ["account_id", "mode", "type", "id"], unique=False)
