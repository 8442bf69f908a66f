from tests.fixtures_pbx import Pbx


def test_it_runs_as_the_asterisk_user(pbx: Pbx) -> None:
    with open(f"/proc/{pbx.pid}/status") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file)
    assert status["Name"] == "asterisk"
    assert status["Uid"].split() == [str(pbx.layout.uid)] * 4
    assert status["Groups"].strip() == ""
    assert pbx.layout.uid != 0
