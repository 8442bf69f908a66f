"""Lists of calls and messages are searched by an index of blocks; calls are found by outcome and
by phone. The index of what is stored by now is built by a worker, a little at a time."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

ENDED = "status IN ('busy', 'canceled', 'completed', 'failed', 'no_answer')"


def upgrade() -> None:
    op.create_table(
        "search_block",
        sa.Column("no", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("first_id", sa.String(), nullable=False),
        sa.Column("last_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_search_block")),
    )
    op.create_table(
        "search_frontier",
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("last_id", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_search_frontier")),
    )
    for name, columns in (
        ("ix_call_outcome", ["account_id", "mode", "direction", "status", "id"]),
        ("ix_call_phone", ["account_id", "mode", "sip_account", "id"]),
    ):
        op.create_index(
            name, "call", columns, unique=False,
            sqlite_where=sa.text(ENDED), postgresql_where=sa.text(ENDED),
        )  # fmt: skip
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE search_term USING fts5(terms, content='', detail=none,"
            " columnsize=0, tokenize=\"ascii tokenchars '_'\")"
        )
    else:
        op.execute("CREATE TABLE search_term (rowid INTEGER PRIMARY KEY, terms TSVECTOR NOT NULL)")
        # Without fastupdate: a search would have to read the entries that are not merged yet.
        op.execute(
            "CREATE INDEX ix_search_term_terms ON search_term USING gin (terms)"
            " WITH (fastupdate = off)"
        )
