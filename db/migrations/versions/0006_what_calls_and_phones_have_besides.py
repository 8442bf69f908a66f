"""What accounts, calls and phones have besides: limits, recording, settings of phones."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("account", sa.Column("calls_max", sa.Integer(), nullable=True))
    op.add_column("account", sa.Column("calls_per_second", sa.Integer(), nullable=True))
    op.add_column("account", sa.Column("record", sa.String(), nullable=False, server_default=""))
    op.add_column("account", sa.Column("recording_days", sa.Integer(), nullable=True))
    op.add_column("api_key", sa.Column("calls_max", sa.Integer(), nullable=True))
    op.add_column("api_key", sa.Column("calls_per_second", sa.Integer(), nullable=True))
    op.add_column("call", sa.Column("legs", sa.Text(), nullable=False, server_default=""))
    op.add_column("call", sa.Column("first_legs", sa.Text(), nullable=False, server_default=""))
    op.add_column("caller_id", sa.Column("claimed_at", sa.BigInteger(), nullable=True))
    op.add_column("call", sa.Column("first_rate", sa.Text(), nullable=True))
    op.add_column("call", sa.Column("first_answered_at", sa.BigInteger(), nullable=True))
    op.add_column("call", sa.Column("trunk", sa.String(), nullable=True))
    op.add_column("call", sa.Column("record", sa.String(), nullable=False, server_default=""))
    op.add_column("call", sa.Column("hangup_at", sa.BigInteger(), nullable=True))
    op.add_column("call", sa.Column("hangup_reason", sa.String(), nullable=True))
    op.add_column("call", sa.Column("due_at", sa.BigInteger(), nullable=True))
    op.execute("UPDATE call SET due_at = created_at WHERE status = 'queued'")
    op.drop_index("ix_call_queued", table_name="call")
    op.create_index(
        "ix_call_queued",
        "call",
        ["due_at", "id"],
        unique=False,
        sqlite_where=sa.text("status = 'queued'"),
        postgresql_where=sa.text("status = 'queued'"),
    )
    op.create_index(
        "ix_call_busy",
        "call",
        ["account_id", "mode"],
        unique=False,
        sqlite_where=sa.text("status IN ('queued', 'dialing', 'ringing', 'answered')"),
        postgresql_where=sa.text("status IN ('queued', 'dialing', 'ringing', 'answered')"),
    )
    op.create_index(
        "ix_call_ended",
        "call",
        [
            "account_id",
            "mode",
            "id",
            "created_at",
            "direction",
            "status",
            "sip_account",
            "to_number",
            "from_number",
            "caller_id",
        ],
        unique=False,
        sqlite_where=sa.text("status IN ('busy', 'canceled', 'completed', 'failed', 'no_answer')"),
        postgresql_where=sa.text(
            "status IN ('busy', 'canceled', 'completed', 'failed', 'no_answer')"
        ),
    )
    op.create_index(
        "ix_call_trunk",
        "call",
        ["trunk"],
        unique=False,
        sqlite_where=sa.text("status IN ('queued', 'dialing', 'ringing', 'answered')"),
        postgresql_where=sa.text("status IN ('queued', 'dialing', 'ringing', 'answered')"),
    )
    op.create_index(
        "ix_call_hangup",
        "call",
        ["node"],
        unique=False,
        sqlite_where=sa.text(
            "hangup_at IS NOT NULL AND status IN ('dialing', 'ringing', 'answered')"
        ),
        postgresql_where=sa.text(
            "hangup_at IS NOT NULL AND status IN ('dialing', 'ringing', 'answered')"
        ),
    )
    op.create_index(
        "ix_cdr_stray",
        "cdr",
        ["read_at"],
        unique=False,
        sqlite_where=sa.text("call_id IS NULL"),
        postgresql_where=sa.text("call_id IS NULL"),
    )
    op.create_index("ix_dead_letter_at", "dead_letter", ["at"], unique=False)
    op.add_column("sip_account", sa.Column("label", sa.String(), nullable=False, server_default=""))
    op.add_column("sip_account", sa.Column("short_number", sa.String(), nullable=True))
    op.add_column(
        "sip_account", sa.Column("codecs", sa.String(), nullable=False, server_default="ulaw,alaw")
    )
    op.add_column(
        "sip_account",
        sa.Column("transports", sa.String(), nullable=False, server_default="udp,tcp,tls,wss"),
    )
    op.add_column(
        "sip_account", sa.Column("media", sa.String(), nullable=False, server_default="rtp")
    )
    op.add_column(
        "sip_account", sa.Column("max_contacts", sa.Integer(), nullable=False, server_default="5")
    )
    op.add_column(
        "sip_account", sa.Column("nat", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.add_column("sip_account", sa.Column("cidrs", sa.String(), nullable=False, server_default=""))
    op.add_column(
        "sip_account", sa.Column("record", sa.String(), nullable=False, server_default="")
    )
    op.add_column("sip_account", sa.Column("deleted_at", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_sip_account_short", "sip_account", ["account_id", "short_number"], unique=True
    )
    op.add_column(
        "sip_account_node",
        sa.Column("behind", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.add_column(
        "sip_account_node",
        sa.Column("changed_at", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.create_index("ix_sip_account_applied", "sip_account_node", ["node", "applied_at"])
    op.create_index(
        "ix_sip_account_behind",
        "sip_account_node",
        ["node", "changed_at"],
        unique=False,
        sqlite_where=sa.text("behind"),
        postgresql_where=sa.text("behind"),
    )
    # Whoever was told an older generation before this column was there is told again.
    op.execute(
        "UPDATE sip_account_node SET behind = (generation < (SELECT s.generation FROM sip_account s"
        " WHERE s.id = sip_account_node.sip_account_id))"
    )
