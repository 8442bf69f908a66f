"""The Docker files: their syntax, and that they agree with the code. No engine is needed."""

import re
from pathlib import Path
from typing import Any

import yaml
from typer.main import get_command

from telephony.settings import Settings
from tests.commands import cli

ROOT = Path(__file__).parents[2]
SERVICES_MAX = 4
INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "VOLUME", "ENTRYPOINT"}


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))


def dockerfile() -> list[str]:
    """Instructions with their continuation lines joined."""
    text = (ROOT / "Dockerfile").read_text()
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", text))
    return [line for line in joined.splitlines() if line.strip()]


def test_compose_has_the_four_services() -> None:
    services = compose()["services"]
    assert set(services) == {"postgres", "api", "worker", "asterisk"}
    assert len(services) <= SERVICES_MAX


def test_every_build_target_is_a_stage() -> None:
    stages = {line.split()[-1] for line in dockerfile() if line.startswith("FROM")}
    for service in compose()["services"].values():
        if "build" in service:
            assert service["build"]["target"] in stages


def test_dependencies_exist_and_are_not_circular() -> None:
    services = compose()["services"]
    waiting = {name: set(service.get("depends_on", {})) for name, service in services.items()}
    started: set[str] = set()
    while ready := [name for name, needs in waiting.items() if needs <= started]:
        started.update(ready)
        waiting = {name: needs for name, needs in waiting.items() if name not in started}
    assert waiting == {}


def test_a_service_that_is_waited_for_has_a_health_check() -> None:
    services = compose()["services"]
    for service in services.values():
        for name, condition in service.get("depends_on", {}).items():
            assert condition == {"condition": "service_healthy"}
            assert "healthcheck" in services[name]


def test_every_setting_is_one_of_ours() -> None:
    known = {f"SMS_VOIP_{name.upper()}" for name in Settings.model_fields}
    for service in compose()["services"].values():
        used = {name for name in service.get("environment", {}) if name.startswith("SMS_VOIP_")}
        assert used <= known
    assert set(re.findall(r"SMS_VOIP_[A-Z_]+", (ROOT / "Dockerfile").read_text())) <= known


def test_every_command_is_one_of_ours() -> None:
    commands = get_command(cli).commands  # type: ignore[attr-defined]
    text = (ROOT / "docker-compose.yml").read_text() + (ROOT / "Dockerfile").read_text()
    for name in re.findall(r"sms-voip ([a-z]+)", text):
        assert name in commands
    worker = compose()["services"]["worker"]
    options = {name for parameter in commands["serve"].params for name in parameter.secondary_opts}
    assert worker["command"][0] == "serve"
    assert set(worker["command"][1:]) <= options


def test_named_volumes_are_declared() -> None:
    document = compose()
    for service in document["services"].values():
        for volume in service.get("volumes", []):
            assert volume.partition(":")[0] in document["volumes"]


def test_whoever_handles_recordings_sees_the_same_folder() -> None:
    """Asterisk writes them there, the worker moves them, the API reads them."""
    services = compose()["services"]
    for name in ("asterisk", "worker", "api"):
        folder = services[name]["environment"]["SMS_VOIP_VAR_DIR"]
        assert f"data:{folder}" in services[name]["volumes"]


def test_the_dockerfile_uses_known_instructions_and_existing_files() -> None:
    lines = dockerfile()
    assert {line.split()[0] for line in lines} <= INSTRUCTIONS
    for line in lines:
        if line.startswith("COPY"):
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists()


def test_dependencies_are_installed_by_hash() -> None:
    installs = [line for line in dockerfile() if "pip install" in line and "-r " in line]
    assert len(installs) == 2
    assert all("--require-hashes" in line for line in installs)
