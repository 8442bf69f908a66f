"""The tour, as `make demo` plays it."""

from pathlib import Path

from tests.e2e.installation import Installation

STEPS = 7


def test_beside_a_running_platform(here: Installation) -> None:
    status, said = here.run("demo")
    assert status == 0, said
    assert (said.count("✓"), said.count("✗")) == (STEPS, 0)
    assert "All of it works." in said
    assert "Nothing is running here yet" not in said
    assert here.answers()
    for phone in here.facts["sip"]:
        assert here.register(phone["username"], phone["password"]) == 200


def test_by_itself_it_starts_and_stops_its_own_platform(folder: Path) -> None:
    alone = Installation(folder)
    status, said = alone.run("demo", seconds=240)
    assert status == 0, said
    assert (said.count("✓"), said.count("✗")) == (STEPS, 0)
    assert "Nothing is running here yet" in said
    assert alone.processes() == {}
    assert not (alone.var / "ready.json").exists()


def test_a_step_that_fails_ends_the_tour_with_status_1(here: Installation) -> None:
    phone = here.facts["sip"][0]
    secret = {"sip_account": phone["username"], "sip_password": "quite-another-one"}
    assert here.post("/voip/password", secret).json()["applied"]
    status, said = here.run("demo")
    back = secret | {"sip_password": phone["password"]}
    assert here.post("/voip/password", back).json()["applied"]
    assert status == 1
    assert (said.count("✓"), said.count("✗")) == (0, 1)
    assert "✗ Two softphones register.\n  the PBX refused the user name and secret" in said
    assert "Traceback" not in said
