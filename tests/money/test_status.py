"""`/status` tells that the ledger is sound, or that it is not; it never takes the platform down."""

from db import failpoints
from db.connection import Conn
from db.database import Database
from telephony.billing.verify import Verifier
from telephony.status import Part
from telephony.worker import report
from tests.api.client import Api, good
from tests.factories import customer


async def test_drift_degrades_the_status(api: Api, database: Database) -> None:
    await customer(database, funds="10")
    verifier = Verifier(database)
    part = Part("ledger", "ledger", verifier.look, "degraded")
    for break_it, status in ((0, "operational"), (1, "degraded"), (-1, "operational")):

        def tamper(conn: Conn, by: int = break_it) -> None:
            conn.run("UPDATE ledger_account SET balance = balance + :by WHERE balance > 0", by=by)

        await database.write(tamper)
        await verifier.step()
        await database.write(report, [part])
        found = good(await api.get("/status"))
        by_name = {one["name"]: one for one in found["components"]}
        assert (found["status"], by_name["ledger"]["status"]) == (status, status)
    assert by_name["ledger"]["detail"] == "every promise of the ledger holds"


def test_nothing_is_armed_by_default() -> None:
    assert failpoints.armed == ""
    failpoints.reached("before-commit", ["send_message", ""])
    assert failpoints.name_of(customer) == "customer"
    assert failpoints.name_of(object()) == ""
