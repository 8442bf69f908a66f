"""AstDB families read in a thread, from a real Asterisk and from one that misbehaves."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from telephony.voice.ami import AmiError, AmiLoginRefused, AmiOutcomeUnknown, AmiValueError
from telephony.voice.ami.listing import AstDbReader
from tests.fixtures_pbx import Pbx

HELLO = b"Asterisk Call Manager/9.0.0\r\n"
LOGGED_IN = b"Response: Success\r\nActionID: Login\r\n\r\n"
BEGUN = b"Response: Success\r\nActionID: DBGetTree\r\nEventList: start\r\n\r\n"
ROW = b"Event: DBGetTreeResponse\r\nKey: /ps/auth/al\xc3\xa4ce\r\nVal: {}\r\n\r\n"
DONE = b"Event: DBGetTreeComplete\r\n\r\n"


@pytest.fixture
def reader(pbx: Pbx) -> AstDbReader:
    settings, secret = pbx.settings, pbx.secrets.ami_provisioning
    return AstDbReader(settings.ami_host, settings.ami_port, "provisioning", secret)


def test_every_row_with_key_and_value(pbx: Pbx, reader: AstDbReader) -> None:
    values = {f"key-{at}": f"value: {at}, colons: and commas" for at in range(50)}
    with pbx.ami("provisioning") as ami:
        for key, value in values.items():
            ami.send("DBPut", Family="listing/many", Key=key, Val=value)
    assert dict(reader.rows("listing/many")) == values
    assert list(reader.rows("listing/none")) == []
    assert list(reader.rows("listing/man")) == []


def test_refusals_are_told_apart(reader: AstDbReader) -> None:
    with pytest.raises(AmiLoginRefused):
        list(replace(reader, secret="wrong").rows("ps/auth"))
    for family in ("", "a\r\nAction: Reload"):
        with pytest.raises(AmiValueError):
            list(reader.rows(family))
    assert "secret" not in repr(reader)


@contextmanager
def saying(*answers: bytes) -> Iterator[AstDbReader]:
    """A manager that answers each action with the next of these, and then hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(HELLO)
                for answer in answers:
                    peer.recv(4096)
                    peer.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield AstDbReader("127.0.0.1", server.getsockname()[1], "provisioning", "secret")
        thread.join(5)


def test_a_list_that_is_cut_off_is_no_list() -> None:
    with saying(LOGGED_IN, BEGUN + ROW + DONE) as reader:
        assert list(reader.rows("ps/auth")) == [("aläce", "{}")]
    for answers in ((), (LOGGED_IN,), (LOGGED_IN, BEGUN), (LOGGED_IN, BEGUN + ROW)):
        with saying(*answers) as reader, pytest.raises((AmiOutcomeUnknown, OSError)):
            list(reader.rows("ps/auth"))
    refusal = b"Response: Error\r\nActionID: DBGetTree\r\nMessage: Permission denied\r\n\r\n"
    with saying(LOGGED_IN, refusal) as reader, pytest.raises(AmiError, match="Permission"):
        list(reader.rows("ps/auth"))
