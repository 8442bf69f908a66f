"""The tables that refer to those."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rate",
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("iso", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("sms_per_segment", sa.BigInteger(), nullable=False),
        sa.Column("voice_per_minute", sa.BigInteger(), nullable=False),
        sa.Column("voice_connect_fee", sa.BigInteger(), nullable=False),
        sa.Column("voice_initial_seconds", sa.Integer(), nullable=False),
        sa.Column("voice_increment_seconds", sa.Integer(), nullable=False),
        sa.Column("voice_free_seconds", sa.Integer(), nullable=False),
        sa.Column("version_id", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.CheckConstraint(
            "sms_per_segment >= 0 AND voice_per_minute >= 0 AND voice_connect_fee >= 0",
            name=op.f("ck_rate_never_negative"),
        ),
        sa.CheckConstraint(
            "voice_initial_seconds >= 0 AND voice_increment_seconds > 0 AND voice_free_seconds >= 0",
            name=op.f("ck_rate_billing_steps"),
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["tariff_version.id"], name=op.f("fk_rate_version_id")
        ),
        sa.PrimaryKeyConstraint("version_id", "prefix", name=op.f("pk_rate")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sip_account",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("digests_sealed", sa.Text(), nullable=False),
        sa.Column("caller_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("dial_mode", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "dial_mode IN ('live', 'test')", name=op.f("ck_sip_account_dial_mode_known")
        ),
        sa.CheckConstraint(
            "status IN ('active', 'suspended')", name=op.f("ck_sip_account_status_known")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_sip_account_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sip_account")),
        sa.UniqueConstraint("username", name=op.f("uq_sip_account_username")),
    )
    op.create_index(op.f("ix_sip_account_account_id"), "sip_account", ["account_id"], unique=False)
    op.create_table(
        "call_moment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_call_moment_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_moment")),
    )
    op.create_index(op.f("ix_call_moment_call_id"), "call_moment", ["call_id"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'delivered', 'failed')", name=op.f("ck_delivery_state_known")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_delivery_account_id")
        ),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_delivery_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index(op.f("ix_delivery_event_id"), "delivery", ["event_id"], unique=False)
    op.create_index(
        "ix_delivery_pending",
        "delivery",
        ["next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "hold",
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("ledger_account_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("captured", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_hold_mode_known")),
        sa.CheckConstraint(
            "state IN ('open', 'captured', 'released', 'expired', 'late')",
            name=op.f("ck_hold_state_known"),
        ),
        sa.CheckConstraint(
            "amount >= 0 AND captured >= 0 AND captured <= amount", name=op.f("ck_hold_within")
        ),
        sa.ForeignKeyConstraint(
            ["ledger_account_id"], ["ledger_account.id"], name=op.f("fk_hold_ledger_account_id")
        ),
        sa.PrimaryKeyConstraint("reference", name=op.f("pk_hold")),
    )
    op.create_index(
        "ix_hold_expiry",
        "hold",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("state = 'open' AND expires_at IS NOT NULL"),
        postgresql_where=sa.text("state = 'open' AND expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_hold_open",
        "hold",
        ["ledger_account_id"],
        unique=False,
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_table(
        "message_history",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_message_history_message_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_history")),
    )
    op.create_index(
        op.f("ix_message_history_message_id"), "message_history", ["message_id"], unique=False
    )
    op.create_table(
        "message_part",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("provider_message_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("error_code", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_message_part_message_id")
        ),
        sa.PrimaryKeyConstraint("message_id", "part", name=op.f("pk_message_part")),
    )
    op.create_index(
        "ix_message_part_open",
        "message_part",
        ["provider", "provider_message_id"],
        unique=False,
        sqlite_where=sa.text("state = 'accepted'"),
        postgresql_where=sa.text("state = 'accepted'"),
    )
    op.create_table(
        "posting",
        sa.Column("journal_id", sa.String(), nullable=False),
        sa.Column("ledger_account_id", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["journal_id"], ["journal.id"], name=op.f("fk_posting_journal_id")),
        sa.ForeignKeyConstraint(
            ["ledger_account_id"], ["ledger_account.id"], name=op.f("fk_posting_ledger_account_id")
        ),
        sa.PrimaryKeyConstraint("journal_id", "ledger_account_id", name=op.f("pk_posting")),
    )
    op.create_index(
        "ix_posting_pot", "posting", ["ledger_account_id", "journal_id", "amount"], unique=False
    )
    op.create_table(
        "sip_account_node",
        sa.Column("sip_account_id", sa.String(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sip_account_id"], ["sip_account.id"], name=op.f("fk_sip_account_node_sip_account_id")
        ),
        sa.PrimaryKeyConstraint("sip_account_id", "node", name=op.f("pk_sip_account_node")),
    )
    op.create_table(
        "delivery_attempt",
        sa.Column("delivery_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("latency_us", sa.Integer(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.id"], name=op.f("fk_delivery_attempt_delivery_id")
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_delivery_attempt")),
    )
