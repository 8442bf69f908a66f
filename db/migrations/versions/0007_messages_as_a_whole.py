"""Messages as a whole: schedules, lanes, providers and routes, inbound, sender ids, opt-outs."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("message", sa.Column("tried", sa.String(), nullable=False, server_default=""))
    op.add_column("message", sa.Column("lane", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("message", sa.Column("send_at", sa.BigInteger(), nullable=True))
    op.add_column(
        "sms_receipt", sa.Column("recipient", sa.String(), nullable=False, server_default="")
    )
    op.add_column("sms_receipt", sa.Column("reference", sa.Integer(), nullable=True))
    op.create_index(
        "ix_sms_receipt_reference",
        "sms_receipt",
        ["provider", "recipient"],
        unique=False,
        sqlite_where=sa.text("reference IS NOT NULL AND matched_at IS NULL"),
        postgresql_where=sa.text("reference IS NOT NULL AND matched_at IS NULL"),
    )
    op.create_index(
        "ix_message_unanswered",
        "message",
        ["provider", "to_number"],
        unique=False,
        sqlite_where=sa.text("status IN ('sending', 'unknown')"),
        postgresql_where=sa.text("status IN ('sending', 'unknown')"),
    )
    op.drop_index("ix_message_account", table_name="message")
    op.create_index(
        "ix_message_account",
        "message",
        ["account_id", "mode", "id", "created_at", "to_number", "from_number"],
        unique=False,
    )
    op.drop_index("ix_message_queued", table_name="message")
    op.create_index(
        "ix_message_queued",
        "message",
        ["provider", "lane", "account_id", "next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("status = 'queued'"),
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "ix_message_scheduled",
        "message",
        ["next_attempt_at"],
        unique=False,
        sqlite_where=sa.text("status = 'scheduled'"),
        postgresql_where=sa.text("status = 'scheduled'"),
    )
    ended = (
        "status IN ('sent', 'delivered', 'undelivered', 'failed', 'expired', 'canceled')"
        " AND body <> ''"
    )
    op.create_index(
        "ix_message_text",
        "message",
        ["id"],
        unique=False,
        sqlite_where=sa.text(ended),
        postgresql_where=sa.text(ended),
    )
    op.create_table(
        "sms_velocity",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "started_at", name=op.f("pk_sms_velocity")),
    )
    op.create_index("ix_sms_velocity_age", "sms_velocity", ["started_at"], unique=False)
    op.create_table(
        "sms_account",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("default_sender", sa.String(), nullable=False),
        sa.Column("smart_encoding", sa.Boolean(), nullable=True),
        sa.Column("per_minute", sa.Integer(), nullable=True),
        sa.Column("per_second", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_sms_account_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_sms_account")),
    )
    op.create_table(
        "sender_id",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "status IN ('requested', 'approved', 'refused')", name=op.f("ck_sender_id_status_known")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_sender_id_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "sender", name=op.f("pk_sender_id")),
    )
    op.create_table(
        "sms_opt_out",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("keyword", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_sms_opt_out_mode_known")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_sms_opt_out_account_id")
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "mode", "sender", "recipient", name=op.f("pk_sms_opt_out")
        ),
    )
    op.create_table(
        "sms_provider",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("options_sealed", sa.Text(), nullable=False),
        sa.Column("encodings", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "status IN ('active', 'removed')", name=op.f("ck_sms_provider_status_known")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_sms_provider")),
    )
    op.create_table(
        "sms_route",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_sms_route_mode_known")),
        sa.CheckConstraint("weight > 0", name=op.f("ck_sms_route_weight_positive")),
        sa.ForeignKeyConstraint(
            ["provider"], ["sms_provider.name"], name=op.f("fk_sms_route_provider")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_route")),
    )
    op.create_index(
        "ix_sms_route",
        "sms_route",
        ["mode", "account_id", "sender", "prefix", "provider"],
        unique=True,
    )
    op.create_table(
        "sms_inbound",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("from_number", sa.String(), nullable=False),
        sa.Column("to_number", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("keyword", sa.String(), nullable=False),
        sa.Column("fact", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_sms_inbound_mode_known")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_sms_inbound_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sms_inbound")),
    )
    op.create_index(
        "ix_sms_inbound_account", "sms_inbound", ["account_id", "mode", "id"], unique=False
    )
    op.create_index("ix_sms_inbound_fact", "sms_inbound", ["fact"], unique=True)
    op.create_table(
        "sms_inbound_part",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("reference", sa.Integer(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "provider", "sender", "recipient", "reference", "parts", "part",
            name=op.f("pk_sms_inbound_part"),
        ),
    )  # fmt: skip
    op.create_index("ix_sms_inbound_part_age", "sms_inbound_part", ["received_at"], unique=False)
    op.create_index(
        "ix_sms_inbound_text",
        "sms_inbound",
        ["id"],
        unique=False,
        sqlite_where=sa.text("body <> ''"),
        postgresql_where=sa.text("body <> ''"),
    )
    op.create_table(
        "sms_reply",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("keyword", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_sms_reply_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "number", "keyword", name=op.f("pk_sms_reply")),
    )
    op.create_table(
        "sms_reply_due",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["sms_inbound.id"], name=op.f("fk_sms_reply_due_message_id")
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_sms_reply_due")),
    )
    op.create_table(
        "sms_replied",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_sms_replied_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "mode", "phone", name=op.f("pk_sms_replied")),
    )
    op.create_index("ix_sms_replied_age", "sms_replied", ["at"], unique=False)
