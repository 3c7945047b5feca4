"""The DAG file keeps the rules, a bad one is told each of its faults, and MWAA's folder loads on its own."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from pinpipe import mwaa
from pinpipe.settings import ANSWERS, Settings
from spark_jobs.answers import ANSWERS as DEFINED
from tests.support.airflow_home import ROOT, facts, run

pytestmark = pytest.mark.airflow

TASKS = ["answer", "clean_geo", "clean_pin", "clean_user", "load", "report"]
MWAA = Settings(  # type: ignore[call-arg]
    _env_file=None,
    pin_user_id="ada",
    mysql_url="mysql://ada:hush@db.example.com/pinterest_data",
    kafka_bootstrap_servers="b-1.example.com:9098",
    kafka_auth="msk_iam",
    rest_proxy_url="http://proxy.example.com:8082",
    spark_remote="sc://spark.example.com:15002/;token=hush;use_ssl=true",
)


def test_the_dag_breaks_no_rule(tmp_path: Path) -> None:
    assert run(tmp_path, "dag_rules.py", f"{ROOT}/airflow/dags/pinterest_dag.py", PYTHONPATH=str(ROOT)) == ""


def test_a_bad_dag_is_told_every_rule_that_it_breaks(tmp_path: Path) -> None:
    told = run(tmp_path, "dag_rules.py", f"{ROOT}/tests/support/bad_dag.py").splitlines()
    assert {line for line in told if "zoneinfo" not in line} == {
        "top-level I/O: open /etc/hosts",
        "top-level I/O: subprocess.Popen true",
        "slow import: over 1 s",
        "heavy import: pandas",
        "heavy import: pyarrow",
        "AirflowDagCycleException",
        "catchup",
        "more than one active run",
        "no fixed start_date",
        "no tags",
        "no doc_md",
        "no time-out of the run",
        "first: no retries",
        "first: no time-out",
        "second: no backoff",
        "second: no time-out",
    }


def test_the_dag_asks_every_question() -> None:
    assert tuple(answer.number for answer in DEFINED) == ANSWERS


@pytest.fixture
def uploaded(tmp_path: Path) -> Path:
    """An Airflow home as MWAA makes it of the folder: plugins.zip unpacked."""
    mwaa.make(MWAA, tmp_path)
    with zipfile.ZipFile(tmp_path / "plugins.zip") as plugins:
        plugins.extractall(tmp_path / "plugins")
    return tmp_path


def exported(folder: Path) -> dict[str, str]:
    lines = (folder / "startup.sh").read_text().splitlines()
    return dict(line.removeprefix("export ").split("=", 1) for line in lines if line.startswith("export "))


def test_mwaas_folder_loads_on_mwaas_python_with_nothing_but_its_requirements(uploaded: Path) -> None:
    """`.venv-airflow` is Airflow and airflow/requirements.txt: our packages come from plugins.zip."""
    found = facts(uploaded, "mwaa_facts.py", **exported(uploaded))
    assert found["python"] == [3, 12]  # PYTHON_VERSION of MWAA's image for Airflow 3.3.1
    assert (found["errors"], found["plugin_errors"]) == ({}, {})
    assert found["dags"] == {"ada_dag": TASKS}
    assert not found["pyspark_by_plugins"]
    for module, place in found["places"].items():
        assert place == str(uploaded / "plugins" / f"{module.replace('.', '/')}.py")


def test_mwaas_folder_has_its_settings_and_no_secret(uploaded: Path) -> None:
    assert [path.name for path in (uploaded / "dags").iterdir()] == ["ada_dag.py"]
    values = {name.lower(): value.strip("'") for name, value in exported(uploaded).items()}
    assert Settings(_env_file=None, **values).bucket == "user-ada-bucket"  # type: ignore[call-arg]
    assert values["mysql_url"] == "mysql://db.example.com/pinterest_data"
    assert values["spark_remote"] == "sc://spark.example.com:15002/;use_ssl=true"
    assert all(b"hush" not in path.read_bytes() for path in uploaded.rglob("*") if path.is_file())
