"""Both databases for tests: a real PostgreSQL of this run, SQLite files, all of them migrated."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from db.database import Database
from db.migrate import upgrade
from db.session import open_database
from db.tables import metadata
from tests.patience import PATIENCE_SECONDS

START_SECONDS = 20
TEMPLATE = "migrated"
BINARIES = "/usr/lib/postgresql/*/bin"
FLAGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "autovacuum": "off",
}


class PostgresServer:
    """A server of this run, reached by a socket in its own folder. fsync stays on."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.folder = folder
        self._binaries = binaries
        self._made = 0
        self._clean = False
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, name: str = "postgres") -> str:
        """The URL of one of its databases."""
        return f"postgresql://postgres@/{name}?host={self.folder}"

    def start(self) -> None:
        """initdb where that was not done, then the server; returns once it answers."""
        data = self.folder / "data"
        if not data.exists():
            self._make(data)
        flags = [f"-c{name}={value}" for name, value in FLAGS.items()]
        self._process = self._run(["postgres", "-D", str(data), f"-k{self.folder}", *flags])
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            assert time.monotonic() < until, f"no PostgreSQL in {START_SECONDS} s:\n{self.log()}"
            time.sleep(0.05)

    def _make(self, data: Path) -> None:
        self._run(["initdb", "-D", str(data), "--no-sync", "--auth=trust", "--username=postgres",
                   "--encoding=UTF8", "--locale=C"]).wait(START_SECONDS)  # fmt: skip

    def stop(self) -> None:
        """Immediate shutdown of the server that `start` started: its folder is thrown away."""
        if self._process:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(START_SECONDS)

    def new_database(self, template: str = "template0") -> str:
        """The URL of a new database."""
        self._made += 1
        name = f"test{self._made}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def clean_database(self) -> str:
        """The URL of a migrated database with empty tables and no connections: the same one each
        time, since a new one costs half a second on a busy disk."""
        name = "clean"
        if not self._clean:
            self._clean = True
            self.run(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        self.run(f"SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
                 f" WHERE datname = '{name}'")  # fmt: skip
        deletes = "; ".join(f'DELETE FROM "{table}"' for table in metadata().tables)
        # `replica`: neither the triggers that guard the ledger nor foreign keys
        self.run(f"SET session_replication_role = replica; {deletes}", name)
        return self.url(name)

    def run(self, sql: str, name: str = "postgres") -> None:
        """Statements in one of its databases, as superuser."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute(sql.encode())

    def log(self) -> str:
        """What the server has said."""
        return (self.folder / "log").read_text()

    def _answers(self) -> bool:
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        user: dict[str, Any] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            someone = _ordinary_user()
            os.chown(self.folder, someone.pw_uid, someone.pw_gid)
            user = {"user": someone.pw_uid, "group": someone.pw_gid, "extra_groups": []}
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._binaries / command[0], *command[1:]],
                cwd=self.folder, stdout=log, stderr=log, **user,
            )  # fmt: skip


def _ordinary_user() -> pwd.struct_passwd:
    by_name = {user.pw_name: user for user in pwd.getpwall()}
    return by_name.get("postgres") or by_name["nobody"]


def _binaries() -> Path:
    found = sorted(Path("/").glob(f"{BINARIES[1:]}/initdb"))
    on_path = shutil.which("initdb")
    if found or on_path:
        return found[-1].parent if found else Path(str(on_path)).resolve().parent
    pytest.fail(
        f"the tests need PostgreSQL's server programs, which are neither in {BINARIES} nor on"
        " the PATH: apt-get install postgresql",
        pytrace=False,
    )


def until_left(url: str) -> None:
    """Return once nobody is connected any more: until PostgreSQL finds a process dead, what that
    had locked stays so, and is passed over by who takes what is free."""
    if url.startswith("sqlite"):
        return
    others = ("SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
              " AND backend_type = 'client backend' AND pid <> pg_backend_pid()")  # fmt: skip
    until = time.monotonic() + PATIENCE_SECONDS
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(others).fetchone():
            assert time.monotonic() < until, "somebody stays connected"
            time.sleep(0.001)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running server whose database `migrated` is the template of the tests' databases."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="sms-voip-postgres-"))
    server = PostgresServer(binaries, folder)
    try:
        server.start()
        server.run(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
        upgrade(server.url(TEMPLATE))
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """A fresh migrated SQLite database."""
    copy = shutil.copy(migrated_sqlite, tmp_path / "sms-voip.db")
    return f"sqlite:///{copy}"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """A migrated, empty PostgreSQL database; its schema must stay as it is."""
    return postgres_server.clean_database()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh migrated database, once of each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The open database of `database_url`."""
    opened = await open_database(database_url)
    yield opened
    await opened.close()
