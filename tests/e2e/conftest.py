"""One running platform for the tests that leave it as it was, and a webhook sink."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.commands.sink import Sink
from tests.e2e.installation import Installation, running
from tests.fixtures_pbx import LoopThread
from tests.patience import PATIENCE_SECONDS


class SinkThread:
    """The demo's own sink, in a thread; it checks every signature."""

    def __init__(self, secret: str) -> None:
        self._thread = LoopThread()
        self._sink = self._thread.run(_made(secret))
        self.url = self._sink.url

    def wait(self, seconds: float = PATIENCE_SECONDS, **fields: Any) -> dict[str, Any]:
        """The first event with these fields."""
        return self._thread.run(self._sink.wait(seconds, **fields), seconds + 5)

    def of(self, call_id: str) -> list[dict[str, Any]]:
        """The call's events in the order in which they came first, each once."""
        assert self._sink.forged == 0
        first: dict[str, dict[str, Any]] = {}
        for event in self._sink.events:
            if event.get("call_id") == call_id:
                first.setdefault(event["id"], event)
        return list(first.values())

    def times(self, event_id: str) -> int:
        """How often that event came."""
        return sum(event["id"] == event_id for event in self._sink.events)

    def trust(self, secret: str) -> None:
        """Take what is signed by that secret from now on."""
        self._sink.secret = secret

    def close(self) -> None:
        self._thread.run(self._sink.__aexit__())
        self._thread.close()


async def _made(secret: str) -> Sink:
    return await Sink(secret).__aenter__()


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A running installation; kills are allowed if all runs again at the end of the test."""
    with running(tmp_path_factory.mktemp("here")) as installation:
        yield installation


@pytest.fixture(scope="session")
def sink(here: Installation) -> Iterator[SinkThread]:
    """Gets the webhooks of calls of `here` that name its URL."""
    thread = SinkThread(here.facts["webhook_secret"])
    yield thread
    thread.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """For an installation of the test's own."""
    return tmp_path
