"""What the waveform of a recording is drawn from; those that were stored before have none."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("recording", sa.Column("peaks", sa.Text(), nullable=False, server_default=""))
