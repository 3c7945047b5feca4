"""The compose file: what it opens, runs as and takes, and that it starts the parts of the native stack."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from pinpipe.settings import ROOT, Settings
from pinpipe.stack import PARTS

pytestmark = pytest.mark.unit

UNPUBLISHED = {"spark_connect_port", "kafka_controller_port"}
"""Ports that stay inside: the one runs code without a token there, the other is the broker's own."""


def interpolate(text: str, values: dict[str, str]) -> str:
    """What compose does with ``${NAME:-default}`` and with ``${NAME}``."""
    return re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", lambda found: values.get(found[1]) or found[2] or "", text).replace(
        "$$", "$"
    )


def services(**values: str) -> dict[str, dict[str, Any]]:
    """The services as compose sees them with these variables set."""
    parsed = yaml.safe_load(interpolate((ROOT / "docker-compose.yml").read_text(), values))
    found: dict[str, dict[str, Any]] = parsed["services"]
    return found


SERVICES = services()
ONE_SHOTS = {
    name
    for service in SERVICES.values()
    for name, dependency in service.get("depends_on", {}).items()
    if dependency["condition"] == "service_completed_successfully"
}
LASTING = set(SERVICES) - ONE_SHOTS


def test_no_port_is_opened_outside_this_machine() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == len([part for part in PARTS if part.ports]) - 1  # all but Spark's
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in published)
    assert not any(service.get("network_mode") or service.get("privileged") for service in SERVICES.values())


def test_nothing_runs_as_root_and_nothing_can_become_it() -> None:
    for name, service in SERVICES.items():
        assert int(service["user"].partition(":")[0]) > 0, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name


def test_every_image_has_a_version() -> None:
    files = [ROOT / service["build"]["dockerfile"] for service in SERVICES.values() if "build" in service]
    bases = re.findall(r"^ARG \w+_IMAGE=(.*)$", "\n".join(file.read_text() for file in files), re.MULTILINE)
    assert len(bases) >= len(files)
    for image in [service["image"] for service in SERVICES.values()] + bases:
        assert re.search(r":\d+\.\d+", image), image
    for file in files:
        named = re.findall(r"^FROM (\S+)", file.read_text(), re.MULTILINE)
        assert all(base.startswith("$") for base in named), f"{file}: its bases are ARGs"


def test_every_lasting_service_is_probed_bounded_and_started_again() -> None:
    assert {part.name for part in PARTS} < LASTING
    for name in LASTING:
        service = SERVICES[name]
        assert service["healthcheck"]["test"], name
        assert service["healthcheck"]["interval"] == "10s", name
        assert service["restart"] == "unless-stopped", name
    for name, service in SERVICES.items():
        assert service["mem_limit"], name
        assert service["init"] is True, name


def test_the_one_shots_are_not_started_again_and_have_a_service_behind_them() -> None:
    """``up --wait`` fails on an ended service that no other waits for."""
    assert {"seed", "provision", "posts", "demo"} == ONE_SHOTS
    assert all(SERVICES[name]["restart"] == "no" for name in ONE_SHOTS)


def test_what_lasts_is_in_named_volumes() -> None:
    volumes = {volume.partition(":")[0] for name in SERVICES for volume in SERVICES[name].get("volumes", [])}
    assert {volume for volume in volumes if not volume.startswith(".")} == {"mysql", "kafka", "airflow"}


# the two launchers


def test_both_launchers_start_the_same_parts_after_the_same_others() -> None:
    assert {part.name for part in PARTS} == LASTING - {"emulator"}
    for part in PARTS:
        # what the native launcher starts only after provisioning waits for that here
        waits = set(SERVICES[part.name].get("depends_on", {}))
        after = {"provision", *part.after} - set(SERVICES["provision"]["depends_on"]) if part.of_user else {*part.after}
        assert waits == after, part.name


def test_both_launchers_use_the_same_ports_and_move_them_by_the_same_settings() -> None:
    for part in PARTS:
        published = []
        for setting in part.ports:
            default = Settings.model_fields[setting].default
            if setting in UNPUBLISHED:
                assert not any(str(default) in port for port in SERVICES[part.name].get("ports", []))
                continue
            published.append(f"127.0.0.1:{default}:{default}")
            assert services(**{setting.upper(): "31999"})[part.name]["ports"] == ["127.0.0.1:31999:31999"]
        assert SERVICES[part.name].get("ports", []) == published, part.name


def test_both_launchers_know_the_same_settings_with_the_same_defaults() -> None:
    inside = SERVICES["demo"]["environment"]
    example = dotenv_values(ROOT / ".env.example")
    hosts = {name for name in inside if name.endswith(("_URL", "_REMOTE", "_SERVERS"))} | {"PIN_BIND", "PIN_HOME"}
    hosts.add("PIN_AIRFLOW_PASSWORD")  # there is no file to keep one that the stack makes
    for name, value in inside.items():
        assert name in example, name
        if name not in hosts:
            assert str(value) == example[name], name
    # what is AWS's alone, and the posts, which are an argument
    outside = {name for name in example if name.startswith("API_")}
    outside |= {"AWS_SESSION_TOKEN", "KAFKA_AUTH", "PIN_SEND_KEYS_TO", "PIN_POSTS"}
    assert set(example) - set(inside) == outside
    assert services(PIN_POSTS="500")["posts"]["command"][-1] == "500"


def test_both_launchers_run_the_same_versions() -> None:
    pom = (ROOT / "services/kafka/pom.xml").read_text()
    kafka = re.search(r"<kafka.version>(.*?)</kafka.version>", pom)
    assert kafka
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{kafka[1]}"
    assert f"ARG KAFKA_IMAGE=apache/kafka:{kafka[1]}\n" in (ROOT / "services/connect/Dockerfile").read_text()
    locked = re.search(r"^localstack-core==(\S+)", (ROOT / "requirements/localstack.txt").read_text(), re.MULTILINE)
    assert locked
    assert f"ARG LOCALSTACK_IMAGE=localstack/localstack:{locked[1]}\n" in (ROOT / "localstack/Dockerfile").read_text()
    assert SERVICES["mysql"]["image"].startswith("mysql:8.")


def test_the_parts_run_the_scripts_and_files_of_the_native_stack() -> None:
    for part in PARTS:
        service = SERVICES[part.name]
        if part.name in ("mysql", "localstack"):
            continue  # the official images' own start
        dockerfile = ROOT / service["build"]["dockerfile"] if "build" in service else None
        started = " ".join([*service.get("entrypoint", []), *service.get("command", [])])
        assert part.run in started + (dockerfile.read_text() if dockerfile else ""), part.name
    assert "./services/mysql/mysqld.cnf:/etc/mysql/conf.d/pinpipe.cnf:ro" in SERVICES["mysql"]["volumes"]
    script = (ROOT / "localstack/run.sh").read_text()
    for name, value in SERVICES["localstack"]["environment"].items():
        if name not in ("GATEWAY_LISTEN", "LOCALSTACK_HOST", "NODE_OPTIONS", "HOME"):
            assert f"{name}={value}" in script, name
