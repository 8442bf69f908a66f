"""What an API key may do and what it replaced: requests and rotation."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_key", sa.Column("requests_per_minute", sa.Integer(), nullable=True))
    op.add_column("api_key", sa.Column("requests_burst", sa.Integer(), nullable=True))
    op.add_column("api_key", sa.Column("replaces", sa.String(), nullable=True))
