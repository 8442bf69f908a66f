"""What is rare among very many rows is found by an index: messages by status, the calls of a phone
by outcome, requests by their id in turn, holds that were charged late, surplus."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

ENDED = "status IN ('busy', 'canceled', 'completed', 'failed', 'no_answer')"
SETTLED = (
    "status IN ('scheduled', 'sent', 'unknown', 'delivered', 'undelivered', 'failed', 'expired',"
    " 'canceled')"
)
PHONE = ["account_id", "mode", "sip_account", "direction", "status", "id"]


def upgrade() -> None:
    op.drop_index("ix_call_phone", "call")
    op.drop_index("ix_request_log_request_id", "request_log")
    op.create_index("ix_request_log_request", "request_log", ["request_id", "id"])
    for name, table, columns, where in (
        ("ix_call_phone", "call", PHONE, ENDED),
        ("ix_message_status", "message", ["account_id", "mode", "status", "id"], SETTLED),
        ("ix_hold_late", "hold", ["closed_at"], "state = 'late'"),
        ("ix_journal_surplus", "journal", ["id"], "kind = 'surplus'"),
    ):
        op.create_index(
            name, table, columns, unique=False,
            sqlite_where=sa.text(where), postgresql_where=sa.text(where),
        )  # fmt: skip
