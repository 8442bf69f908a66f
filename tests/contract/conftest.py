"""SQLite alone, for what does not depend on the database."""

from tests.api.conftest import sqlite

__all__ = ["sqlite"]
