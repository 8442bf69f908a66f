"""The first schema"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "admin",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("password_argon2", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_admin")),
        sa.UniqueConstraint("email", name=op.f("uq_admin_email")),
    )
    op.create_table(
        "cdr",
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("uniqueid", sa.String(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("linkedid", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=True),
        sa.Column("disposition", sa.String(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("node", "uniqueid", "sequence", name=op.f("pk_cdr")),
    )
    op.create_index(op.f("ix_cdr_call_id"), "cdr", ["call_id"], unique=False)
    op.create_index(op.f("ix_cdr_linkedid"), "cdr", ["linkedid"], unique=False)
    op.create_table(
        "cdr_position",
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("inode", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_cdr_position")),
    )
    op.create_table(
        "component",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("checked_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_component")),
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("endpoint", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_hmac", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body_sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "account_id", "mode", "endpoint", "key", name=op.f("pk_idempotency_key")
        ),
    )
    op.create_index(
        op.f("ix_idempotency_key_created_at"), "idempotency_key", ["created_at"], unique=False
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("refers_to", sa.String(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("hash", sa.String(), nullable=True),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_journal_mode_known")),
        sa.ForeignKeyConstraint(["refers_to"], ["journal.id"], name=op.f("fk_journal_refers_to")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
        sa.UniqueConstraint("mode", "seq", name=op.f("uq_journal_mode_seq")),
        sa.UniqueConstraint("reference", name=op.f("uq_journal_reference")),
    )
    op.create_index(
        "ix_journal_refers_to",
        "journal",
        ["refers_to"],
        unique=False,
        sqlite_where=sa.text("refers_to IS NOT NULL"),
        postgresql_where=sa.text("refers_to IS NOT NULL"),
    )
    op.create_table(
        "journal_head",
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("active", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_journal_head_mode_known")),
        sa.PrimaryKeyConstraint("mode", name=op.f("pk_journal_head")),
    )
    op.create_table(
        "sms_receipt",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("provider_message_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("error_code", sa.String(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("matched_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint(
            "provider", "provider_message_id", "state", name=op.f("pk_sms_receipt")
        ),
    )
    op.create_table(
        "spend",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_spend_mode_known")),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_spend_never_negative")),
        sa.PrimaryKeyConstraint("subject", "mode", "period", name=op.f("pk_spend")),
    )
    op.create_table(
        "tariff",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff")),
        sa.UniqueConstraint("name", name=op.f("uq_tariff_name")),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("kyc_approved_at", sa.BigInteger(), nullable=True),
        sa.Column("tariff_id", sa.String(), nullable=True),
        sa.Column("webhook_secret_sealed", sa.Text(), nullable=False),
        sa.Column("spend_day_max", sa.BigInteger(), nullable=True),
        sa.Column("spend_month_max", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "status IN ('active', 'suspended')", name=op.f("ck_account_status_known")
        ),
        sa.ForeignKeyConstraint(["tariff_id"], ["tariff.id"], name=op.f("fk_account_tariff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
    )
    op.create_table(
        "tariff_version",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tariff_id", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("importing_until", sa.BigInteger(), nullable=True),
        sa.Column("rates", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tariff_id"], ["tariff.id"], name=op.f("fk_tariff_version_tariff_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff_version")),
    )
    op.create_index(
        "ix_tariff_version_visible",
        "tariff_version",
        ["tariff_id", "valid_from"],
        unique=True,
        sqlite_where=sa.text("importing_until IS NULL"),
        postgresql_where=sa.text("importing_until IS NULL"),
    )
    op.create_table(
        "account_rate",
        sa.Column("country", sa.String(), nullable=False),
        sa.Column("iso", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("sms_per_segment", sa.BigInteger(), nullable=False),
        sa.Column("voice_per_minute", sa.BigInteger(), nullable=False),
        sa.Column("voice_connect_fee", sa.BigInteger(), nullable=False),
        sa.Column("voice_initial_seconds", sa.Integer(), nullable=False),
        sa.Column("voice_increment_seconds", sa.Integer(), nullable=False),
        sa.Column("voice_free_seconds", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.CheckConstraint(
            "sms_per_segment >= 0 AND voice_per_minute >= 0 AND voice_connect_fee >= 0",
            name=op.f("ck_account_rate_never_negative"),
        ),
        sa.CheckConstraint(
            "voice_initial_seconds >= 0 AND voice_increment_seconds > 0 AND voice_free_seconds >= 0",
            name=op.f("ck_account_rate_billing_steps"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_rate_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "prefix", name=op.f("pk_account_rate")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("last4", sa.String(), nullable=False),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("cidrs", sa.String(), nullable=False),
        sa.Column("spend_day_max", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_api_key_mode_known")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_api_key_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("sha256", name=op.f("uq_api_key_sha256")),
    )
    op.create_index(op.f("ix_api_key_account_id"), "api_key", ["account_id"], unique=False)
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
