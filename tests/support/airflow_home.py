"""Runs scripts in Airflow's own environment, which has nothing of ours and no pytest."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-airflow" / "bin" / "python"


def run(home: Path, script: str, *arguments: str, **variables: str) -> str:
    """What a script of tests/support prints, as its last lines; ``home`` is Airflow's folder, of which dags/ and
    plugins/ are read. Nothing of the caller's environment or import path is there."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "AIRFLOW_HOME": str(home)}
    settings = {"AIRFLOW__CORE__LOAD_EXAMPLES": "False", "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING"}
    done = subprocess.run(
        [PYTHON, ROOT / "tests" / "support" / script, *arguments], env=environment | settings | variables, cwd=home,
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def facts(home: Path, script: str, **variables: str) -> Any:
    """The JSON object that a script prints last."""
    return json.loads(run(home, script, **variables).splitlines()[-1])
