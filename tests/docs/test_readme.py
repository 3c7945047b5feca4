"""The documentation says what the code does."""

from __future__ import annotations

import re
import subprocess

import pytest
from typer.main import get_group

from pinpipe.cli.main import app
from pinpipe.settings import ROOT, Settings
from pinpipe.stack import PARTS

pytestmark = pytest.mark.docs

README = (ROOT / "README.md").read_text()
DOCS = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]


def test_every_part_is_in_the_readme_with_its_port_setting_and_memory() -> None:
    rows = {cells[1].strip(): cells for line in README.splitlines() if len(cells := line.split("|")) == 6}
    for part in PARTS:
        for port in part.ports[:1]:
            assert f"`{port.upper()}`" in rows[part.name][2], part.name
            assert rows[part.name][3].split()[0] == str(Settings.model_fields[port].default), part.name
        assert rows[part.name][4].strip() == f"{part.memory_mb} MB", part.name


def test_every_command_of_the_readme_exists() -> None:
    told = subprocess.run([ROOT / ".venv/bin/pinpipe", "--help"], capture_output=True, text=True, check=True).stdout
    commands = set(re.findall(r"^│ ([a-z]+) ", told, re.MULTILINE))
    named = set(re.findall(r"bin/pinpipe ([a-z]+)", README))
    assert named
    assert named <= commands


def test_every_command_in_the_docs_exists_with_its_options() -> None:
    commands = get_group(app).commands
    told = [call for path in DOCS for call in re.findall(r"pinpipe ([a-z-]+)((?: [^`\s|;]+)*)`", path.read_text())]
    assert len(told) > 10
    for name, rest in told:
        options = {
            option for parameter in commands[name].params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        assert set(re.findall(r"--[a-z-]+", rest)) <= options, f"pinpipe {name}{rest}"


def test_every_make_target_of_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z0-9-]+)", README)) <= targets


def test_every_link_to_a_file_leads_somewhere() -> None:
    for path in DOCS:
        for link in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / link).exists(), f"{path.name}: {link}"
