"""An SMS provider may be given no messages for a while; those that are there go on as before."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "sms_provider",
        sa.Column("enabled", sa.Boolean(), nullable=False, server_default=sa.true()),
    )
