"""Indexes by which the audit log is filtered: what was done, and by whom, in an account and on the
whole platform."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_audit_log_action": ["action", "seq"],
    "ix_audit_log_actor": ["actor_name", "seq"],
    "ix_audit_log_account_action": ["account_id", "action", "seq"],
    "ix_audit_log_account_actor": ["account_id", "actor_name", "seq"],
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        op.create_index(name, "audit_log", columns, unique=False)
