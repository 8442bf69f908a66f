"""The audit log is read off an index, whatever it is filtered by."""

from typing import Any

import pytest

from db import audit_log
from tests.db.rows import START
from tests.db.test_query_plans import Explaining, ExplainingReader, conn

__all__ = ["conn"]


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"account_id": "acc"}, "ix_audit_log_account (account_id=? AND seq<?)"),
        ({"action": "a"}, "ix_audit_log_action (action=? AND seq<?)"),
        ({"actor_name": "a"}, "ix_audit_log_actor (actor_name=? AND seq<?)"),
        ({"subject": "a"}, "ix_audit_log_subject (subject=? AND seq<?)"),
        ({"account_id": "acc", "action": "a"}, "ix_audit_log_account_action (account_id=? AND"),
        ({"account_id": "acc", "actor_name": "a"}, "ix_audit_log_account_actor (account_id=? AND"),
        ({"account_id": "acc", "since": START, "until": START}, "account_id=? AND seq>? AND seq<?"),
    ],
)  # fmt: skip
async def test_the_audit_log_is_read_off_an_index(
    conn: Explaining, filters: dict[str, Any], index: str
) -> None:
    await audit_log.newest(ExplainingReader(conn), 9, before=5, **filters)
    assert [step for step in conn.plans if index in step], conn.plans
    assert not [step for step in conn.plans if "TEMP B-TREE" in step or "SCAN l" in step]
