"""The tables that refer to them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("channel_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=True),
        sa.Column("sip_account", sa.String(), nullable=True),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("first_leg", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("to_number", sa.String(), nullable=False),
        sa.Column("from_number", sa.String(), nullable=False),
        sa.Column("caller_id", sa.String(), nullable=False),
        sa.Column("ring_seconds", sa.Integer(), nullable=False),
        sa.Column("max_seconds", sa.Integer(), nullable=False),
        sa.Column("time_limit_seconds", sa.Integer(), nullable=False),
        sa.Column("granted_seconds", sa.Integer(), nullable=False),
        sa.Column("armed_seconds", sa.Integer(), nullable=False),
        sa.Column("cut_cause", sa.String(), nullable=False),
        sa.Column("extend_at", sa.BigInteger(), nullable=True),
        sa.Column("rate", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("duration", sa.Integer(), nullable=False),
        sa.Column("billsec", sa.Integer(), nullable=False),
        sa.Column("hangup_cause", sa.String(), nullable=True),
        sa.Column("sip_code", sa.Integer(), nullable=True),
        sa.Column("callback_url", sa.Text(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("node", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ringing_at", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "direction IN ('outbound', 'inbound', 'internal')", name=op.f("ck_call_direction_known")
        ),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_call_mode_known")),
        sa.CheckConstraint(
            "status IN ('queued', 'dialing', 'ringing', 'answered', 'completed', 'busy', 'no_answer', 'failed', 'canceled')",
            name=op.f("ck_call_status_known"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_call_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call")),
        sa.UniqueConstraint("channel_id", name=op.f("uq_call_channel_id")),
    )
    op.create_index(
        "ix_call_credit",
        "call",
        ["node", "extend_at"],
        unique=False,
        sqlite_where=sa.text("status = 'answered'"),
        postgresql_where=sa.text("status = 'answered'"),
    )
    op.create_index("ix_call_log", "call", ["account_id", "mode", "id"], unique=False)
    op.create_index(
        "ix_call_open",
        "call",
        ["node"],
        unique=False,
        sqlite_where=sa.text("status IN ('dialing', 'ringing', 'answered')"),
        postgresql_where=sa.text("status IN ('dialing', 'ringing', 'answered')"),
    )
    op.create_index(
        "ix_call_queued",
        "call",
        ["created_at"],
        unique=False,
        sqlite_where=sa.text("status = 'queued'"),
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_table(
        "caller_id",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("verified_at", sa.BigInteger(), nullable=True),
        sa.Column("verified_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_caller_id_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "number", name=op.f("pk_caller_id")),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("fact", sa.String(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_event_mode_known")),
        sa.CheckConstraint(
            "type IN ('delivery_report', 'message_received', 'call_ringing', 'call_answered', 'call_completed', 'call_recording', 'sip_registration', 'wallet_low')",
            name=op.f("ck_event_type_known"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_event_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("subject", "type", "fact", name=op.f("uq_event_subject_type_fact")),
    )
    op.create_index(op.f("ix_event_account_id"), "event", ["account_id"], unique=False)
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("low_threshold", sa.BigInteger(), nullable=True),
        sa.Column("low_since", sa.BigInteger(), nullable=True),
        sa.Column("low_times", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('wallet', 'sip', 'funding', 'revenue', 'adjustment')",
            name=op.f("ck_ledger_account_kind_known"),
        ),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_ledger_account_mode_known")),
        sa.CheckConstraint(
            "balance >= 0 AND held >= 0 AND held <= balance",
            name=op.f("ck_ledger_account_never_negative"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_ledger_account_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_account")),
        sa.UniqueConstraint(
            "account_id", "mode", "kind", name=op.f("uq_ledger_account_account_id_mode_kind")
        ),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("to_number", sa.String(), nullable=False),
        sa.Column("from_number", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("encoding", sa.String(), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("price_per_segment", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("callback_url", sa.Text(), nullable=True),
        sa.Column("reference", sa.String(), nullable=True),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_token", sa.String(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_message_mode_known")),
        sa.CheckConstraint(
            "status IN ('scheduled', 'queued', 'sending', 'sent', 'unknown', 'delivered', 'undelivered', 'failed', 'expired', 'canceled')",
            name=op.f("ck_message_status_known"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_message_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index("ix_message_account", "message", ["account_id", "mode", "id"], unique=False)
    op.create_index(
        "ix_message_leased",
        "message",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("status = 'sending'"),
        postgresql_where=sa.text("status = 'sending'"),
    )
    op.create_index(
        "ix_message_queued",
        "message",
        ["provider", "next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("status = 'queued'"),
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "ix_message_waiting",
        "message",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("status IN ('queued', 'unknown')"),
        postgresql_where=sa.text("status IN ('queued', 'unknown')"),
    )
