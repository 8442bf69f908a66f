"""Indexes for lists of routes, so that a page is read off them: all, or those of a carrier or a
provider."""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

ORDER = ("account_id", "sender", "prefix", "priority", "id")


def upgrade() -> None:
    for table, name, columns in (
        ("trunk_route", "ix_trunk_route_order", ("prefix", "priority", "trunk_id")),
        ("trunk_route", "ix_trunk_route_trunk", ("trunk_id", "prefix", "priority")),
        ("sms_route", "ix_sms_route_order", ("mode", *ORDER)),
        ("sms_route", "ix_sms_route_provider", ("provider", "mode", *ORDER)),
    ):
        op.create_index(name, table, list(columns), unique=False)
