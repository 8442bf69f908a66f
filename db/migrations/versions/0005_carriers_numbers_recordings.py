"""Carriers, numbers, recordings, registered phones, caller id codes."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trunk",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("transport", sa.String(), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("secret_sealed", sa.Text(), nullable=False),
        sa.Column("registers", sa.Boolean(), nullable=False),
        sa.Column("codecs", sa.String(), nullable=False),
        sa.Column("caller_id_format", sa.String(), nullable=False),
        sa.Column("cidrs", sa.String(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "caller_id_format IN ('e164', 'digits', 'national')",
            name=op.f("ck_trunk_caller_id_format_known"),
        ),
        sa.CheckConstraint("status IN ('active', 'disabled')", name=op.f("ck_trunk_status_known")),
        sa.CheckConstraint(
            "transport IN ('udp', 'tcp', 'tls')", name=op.f("ck_trunk_transport_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trunk")),
        sa.UniqueConstraint("name", name=op.f("uq_trunk_name")),
    )
    op.create_table(
        "trunk_route",
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("trunk_id", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("strip", sa.Integer(), nullable=False),
        sa.Column("prepend", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["trunk_id"], ["trunk.id"], name=op.f("fk_trunk_route_trunk_id")),
        sa.PrimaryKeyConstraint("prefix", "trunk_id", name=op.f("pk_trunk_route")),
    )
    op.create_table(
        "pace",
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_pace_mode_known")),
        sa.PrimaryKeyConstraint("subject", "mode", name=op.f("pk_pace")),
    )
    op.create_table(
        "caller_id_check",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("code_hmac", sa.String(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=True),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_caller_id_check_mode_known")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_caller_id_check_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "number", name=op.f("pk_caller_id_check")),
    )
    op.create_table(
        "destination_rule",
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_destination_rule_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "prefix", name=op.f("pk_destination_rule")),
    )
    op.create_table(
        "owned_number",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("strategy", sa.String(), nullable=False),
        sa.Column("ring_seconds", sa.Integer(), nullable=False),
        sa.Column("targets", sa.String(), nullable=False),
        sa.Column("forward_to", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_owned_number_mode_known")),
        sa.CheckConstraint(
            "strategy IN ('all', 'order')", name=op.f("ck_owned_number_strategy_known")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_owned_number_account_id")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_owned_number")),
    )
    op.create_index("ix_owned_number_account", "owned_number", ["account_id", "mode"], unique=False)
    op.create_table(
        "recording",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("account_id", sa.String(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("channels", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("duration", sa.Integer(), nullable=True),
        sa.Column("repaired", sa.Boolean(), nullable=False),
        sa.Column("stored_as", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=True),
        sa.Column("delete_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("mode IN ('live', 'test')", name=op.f("ck_recording_mode_known")),
        sa.CheckConstraint(
            "status IN ('recording', 'stored', 'missing', 'deleted')",
            name=op.f("ck_recording_status_known"),
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_recording_account_id")
        ),
        sa.ForeignKeyConstraint(["call_id"], ["call.id"], name=op.f("fk_recording_call_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recording")),
        sa.UniqueConstraint("call_id", name=op.f("uq_recording_call_id")),
    )
    op.create_index("ix_recording_account", "recording", ["account_id", "mode", "id"], unique=False)
    op.create_index(
        "ix_recording_kept",
        "recording",
        ["delete_at"],
        unique=False,
        sqlite_where=sa.text("status = 'stored'"),
        postgresql_where=sa.text("status = 'stored'"),
    )
    op.create_index(
        "ix_recording_open",
        "recording",
        ["node", "id"],
        unique=False,
        sqlite_where=sa.text("status = 'recording'"),
        postgresql_where=sa.text("status = 'recording'"),
    )
    op.create_table(
        "sip_contact",
        sa.Column("sip_account_id", sa.String(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.Column("user_agent", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("registered_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["sip_account_id"], ["sip_account.id"], name=op.f("fk_sip_contact_sip_account_id")
        ),
        sa.PrimaryKeyConstraint("sip_account_id", "node", "uri", name=op.f("pk_sip_contact")),
    )
    op.create_index("ix_sip_contact_expiry", "sip_contact", ["node", "expires_at"], unique=False)
