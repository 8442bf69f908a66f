"""The first tables."""

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
