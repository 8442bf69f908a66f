"""The metadata that migrations compare with the database."""

from sqlmodel import SQLModel

# Names that both databases and Alembic agree on; without them CHECKs are anonymous on SQLite.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Table(SQLModel):
    """Base of every table; rows are read as dicts, so these classes only declare."""
