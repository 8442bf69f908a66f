"""Everything that carries records to the outside world and back, as tasks of one event loop."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from db import components, deliveries, idempotency
from db.connection import Conn
from db.database import Database
from telephony import status
from telephony.billing import holds, verify
from telephony.clock import SECOND, now
from telephony.gauges import Gauges
from telephony.mail.sender import MailWorker
from telephony.queue import Kick, repeat
from telephony.search_index import SearchIndex
from telephony.secrets import Secrets, Vault
from telephony.settings import Settings
from telephony.sms.carriers import Carriers
from telephony.sms.providers.base import Health
from telephony.status import Part
from telephony.traffic import Traffic
from telephony.users import sweeper as users
from telephony.voice import strays, trunk_worker
from telephony.voice.ami import AmiLink
from telephony.voice.ami.listing import AstDbReader
from telephony.voice.authorize import Authorizer
from telephony.voice.call_events import CallEvents
from telephony.voice.cdrs import CdrTail
from telephony.voice.credit_control import CreditControl
from telephony.voice.drift import Drift
from telephony.voice.fastagi import FastAgiServer
from telephony.voice.hangups import Hangups
from telephony.voice.originate import Originator
from telephony.voice.probe_calls import ProbeCalls
from telephony.voice.provisioning import Provisioner
from telephony.voice.reconcile import Reconciler
from telephony.voice.recordings.links import Links
from telephony.voice.recordings.mover import Mover
from telephony.voice.recordings.store import open_store
from telephony.voice.recordings.sweeper import Sweeper
from telephony.voice.registrations import Registrations
from telephony.voice.trunk_worker import TrunkWorker
from telephony.webhooks.deliver import WebhookWorker
from telephony.webhooks.housekeeping import Housekeeping

REPORT_SECONDS = 2.0
CHANGE_SECONDS = 0.1
"""Within which a part that goes up or down is reported."""
WEBHOOKS_LATE_SECONDS = 60
COMMIT_SECONDS_SLOW = 1.0
EXPIRE_SECONDS = 60.0
EXPIRE_MAX = 500
SWEEP_SECONDS = 600.0


class Worker:
    """All workers of one process: one PBX node, every SMS provider, the webhooks."""

    def __init__(self, db: Database, settings: Settings, secrets: Secrets) -> None:
        self._db = db
        self._settings = settings
        vault = Vault(secrets.master_key)
        host, port, node = settings.ami_host, settings.ami_port, settings.node
        self._calls = AmiLink(host, port, "calls", secrets.ami_calls)
        self._provisioning = AmiLink(host, port, "provisioning", secrets.ami_provisioning)
        self._verifier = verify.Verifier(db)
        self._carriers = Carriers(db, settings, vault)
        self._probe = ProbeCalls(self._calls, settings.probe_call_seconds)
        self._tail = tail = CdrTail(db, settings.cdr_file, node, self._probe.heard)
        self._commit_seconds = self._reported_at = 0.0
        self._reported: dict[str, bool] = {}
        originator = Originator(db, self._calls, node, settings.originates_per_second, vault)
        reconciler = Reconciler(db, self._calls, tail, node)
        credit = CreditControl(db, self._calls, node, settings.call_slice_seconds)
        astdb = AstDbReader(host, port, "provisioning", secrets.ami_provisioning)
        self._registrations = Registrations(db, self._provisioning, astdb, node)
        provisioner = Provisioner(
            db, self._provisioning, vault, settings, self._registrations.look_at
        )
        self._drift = Drift(db, self._provisioning, astdb, provisioner, vault, settings)
        self._trunks = TrunkWorker(db, self._provisioning, vault, settings)
        store = open_store(settings)
        mover = Mover(db, settings, store, Links(settings, vault))
        call_events = CallEvents(db, self._calls, originator, reconciler.look, tail.look)
        self._tasks: list[Callable[[], Coroutine[Any, Any, None]]] = [
            originator.run, reconciler.run, tail.run, provisioner.run, self._drift.run,
            self._registrations.run, self._hear,
            call_events.run,
            credit.run, self._trunks.run, Hangups(db, self._calls, node).run,
            mover.run, Sweeper(db, settings, store, mover).run,
            WebhookWorker(db, vault, settings).run, MailWorker(db, vault, settings).run,
            Housekeeping(db, settings).run, self._report, self._verify,
            self._expire, self._sweep, self._carriers.run, SearchIndex(db).run, Traffic(db).run,
            self._probe.run,
        ]  # fmt: skip

    async def run(self) -> None:
        """Work until cancelled. A task that fails for good ends them all, so that the process
        ends and whoever supervises it starts it anew."""
        authorizer = Authorizer(self._db, self._settings)
        agi = FastAgiServer(authorizer, self._settings.agi_host, self._settings.agi_port)
        await self._db.write(components.forget, f"call:{self._settings.node}")
        async with agi, self._calls, self._provisioning, asyncio.TaskGroup() as group:
            for task in self._tasks:
                group.create_task(task())
            group.create_task(Gauges(self._db, self._settings, self).run())

    def missing(self) -> dict[str, str]:
        """The links of its own without which it cannot work, and why; what others run may be
        down."""
        up, detail = self._pbx()
        return {} if up else {f"pbx:{self._settings.node}": detail}

    def providers(self) -> Mapping[str, tuple[bool, Mapping[str, float]]]:
        """By SMS provider: whether it is up, and its figures."""
        return self._carriers.figures()

    def ami(self) -> Mapping[str, bool]:
        """Whether the manager link is ready, by its user."""
        return {link.username: link.ready for link in (self._calls, self._provisioning)}

    def drift(self) -> int:
        """How many promises of the ledger are broken."""
        return self._verifier.broken

    async def _hear(self) -> None:
        async for event in self._provisioning.events():
            self._drift.hear(event)
            self._registrations.hear(event)

    async def _report(self) -> None:
        await repeat("report", Kick(), self._report_if_due, CHANGE_SECONDS)

    async def _report_if_due(self) -> int:
        parts, began = self._parts(), time.monotonic()
        found = {one.name: one.look()[0] for one in parts}
        if found != self._reported or began - self._reported_at >= REPORT_SECONDS:
            await self._db.write(report, parts)
            self._reported, self._reported_at = found, began
            self._commit_seconds = time.monotonic() - began
        return 0

    async def _verify(self) -> None:
        await repeat("ledger", Kick(), self._verifier.step, verify.EVERY_SECONDS)

    async def _expire(self) -> None:
        await repeat("holds", Kick(), self._expire_once, EXPIRE_SECONDS)

    async def _expire_once(self) -> int:
        return await self._db.write(holds.expire_due, now(), EXPIRE_MAX)

    async def _sweep(self) -> None:
        await repeat("sweep", Kick(), self._sweep_once, SWEEP_SECONDS)

    async def _sweep_once(self) -> int:
        await self._db.write(idempotency.sweep, now() - idempotency.KEPT_SECONDS * SECOND)
        await self._db.write(users.sweep, now())
        await self._db.write(
            users.sweep_documents, self._settings.identity_document_days, now()
        )  # fmt: skip
        return 0

    def _parts(self) -> list[Part]:
        node, probe, sms = self._settings.node, self._probe, self._carriers.health()
        return [
            Part("database", "database", self._database, "degraded"),
            Part(node, "pbx", self._pbx),
            Part(f"cdr:{node}", "cdr", self._tail.lag, "degraded"),
            *([Part(f"call:{node}", "call", probe.look, probe.unwell)] if probe.known else []),
            Part("ledger", "ledger", self._verifier.look, "degraded"),
            *(Part(name, "sms", _looked(one), remote=True) for name, one in sms.items()),
            *(Part(one.name, "trunk", _looked(one), one.unwell, remote=True)
              for one in self._trunks.health),
        ]  # fmt: skip

    def _database(self) -> tuple[bool, str]:
        """What the last report cost; where nothing can be written none is, which shows as well."""
        seconds = self._commit_seconds
        return seconds < COMMIT_SECONDS_SLOW, f"the last commit took {seconds * 1000:.0f} ms"

    def _pbx(self) -> tuple[bool, str]:
        up = self._calls.ready and self._provisioning.ready
        links = "both manager links are ready" if up else "a manager link is down"
        repaired = f"; {self._drift.repaired} SIP accounts were repaired"
        return up, links + (repaired if self._drift.repaired else "")


def _looked(health: Health | trunk_worker.Health) -> Callable[[], tuple[bool, str]]:
    return lambda: (health.up, health.detail)


def report(conn: Conn, parts: list[Part]) -> None:
    """Write the state of every part, of stray call records and of the webhook queue."""
    at = now()
    stray, sentence = strays.look(conn, at)
    late = deliveries.oldest_due(conn, at) // SECOND
    status.report(
        conn,
        [
            *parts,
            Part("records", "records", lambda: (stray == "operational", sentence), stray),
            Part(
                "webhooks", "webhooks",
                lambda: (late <= WEBHOOKS_LATE_SECONDS, f"the oldest delivery is {late} s late"),
                "degraded",
            ),
        ],
        at,
    )  # fmt: skip
