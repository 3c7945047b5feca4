"""The wheel of this repository is a job for spark-submit: its own code, on the machines that spark-submit was told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spark_jobs.session import JARS
from tests.support.targets import ON_AWS, REAL
from tests.support.templates import ROOT

pytestmark = pytest.mark.spark

JOB = """
import json, sys
import pinpipe, pyspark_kinesis
from pinpipe import settings
from spark_jobs.session import session

spark = session(settings.load())
spark.range(3).write.format("delta").save(sys.argv[1])
spark.sql(f"MERGE INTO delta.`{sys.argv[1]}` a USING (SELECT 2 id UNION SELECT 9) b ON a.id = b.id "
          "WHEN NOT MATCHED THEN INSERT *")
conf = spark.sparkContext.getConf()
print(json.dumps({
    "code": [pinpipe.__file__, pyspark_kinesis.__file__],
    "master": conf.get("spark.master"),
    "memory": conf.get("spark.driver.memory"),
    "s3": conf.get("spark.hadoop.fs.s3a.endpoint"),
    "rows": sorted(row.id for row in spark.read.format("delta").load(sys.argv[1]).collect()),
}))
"""


def test_spark_submit_runs_the_wheel_on_the_machines_it_was_told(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)], cwd=ROOT, check=True
    )
    [wheel] = tmp_path.glob("*.whl")
    (tmp_path / "job.py").write_text(JOB)
    given = {name.upper(): value for name, value in (ON_AWS | REAL | {"aws_region": "eu-west-1"}).items()}
    given |= {"PIN_ENV_FILE": os.devnull, "AWS_ENDPOINT_URL": "", "PYSPARK_PYTHON": sys.executable}
    around = {name: value for name, value in os.environ.items() if name != "SPARK_REMOTE"}
    submit = [Path(sys.executable).with_name("spark-submit"), "--py-files", wheel]
    machines = ["--master", "local[1]", "--driver-memory", "600m", "--driver-class-path", f"{JARS}/*"]
    done = subprocess.run(
        [*submit, *machines, tmp_path / "job.py", tmp_path / "table"],
        cwd=tmp_path,
        env={**around, **given},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert all(wheel.name in place for place in told.pop("code"))
    assert told == {
        "master": "local[1]",
        "memory": "600m",
        "s3": "https://s3.eu-west-1.amazonaws.com",
        "rows": [0, 1, 2, 9],
    }
