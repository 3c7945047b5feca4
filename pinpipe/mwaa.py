"""The folder to upload to the bucket of an Amazon MWAA environment: ``python -m pinpipe.mwaa FOLDER``.

::

    dags/<UserId>_dag.py   the daily job, the very file that the local Airflow runs
    plugins.zip            our packages, which the DAG's tasks import
    requirements.txt       what they need besides MWAA's own packages
    startup.sh             the settings, as the environment's start-up script
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

from pinpipe import settings
from pinpipe.settings import ROOT, Settings

PACKAGES = ("pinpipe", "spark_jobs")
SETTINGS = (
    "PIN_USER_ID", "AWS_REGION", "MYSQL_URL", "KAFKA_BOOTSTRAP_SERVERS", "KAFKA_AUTH", "REST_PROXY_URL", "CONNECT_URL",
    "SPARK_REMOTE", "PIN_TABLES_PATH", "PIN_CHECKPOINT_PATH",
)  # fmt: skip
"""What the tasks read. AWS_ENDPOINT_URL is not among them: on MWAA it is AWS. Keys are the environment's role's."""


def make(settings: Settings, folder: Path) -> None:
    """Make the folder anew. It holds no secret: the daily job does not ask the source, and the token of a Spark Connect
    server belongs into the environment's own ``SPARK_CONNECT_AUTHENTICATE_TOKEN``."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "dags").mkdir(parents=True)
    shutil.copy(ROOT / "airflow" / "dags" / "pinterest_dag.py", folder / "dags" / f"{settings.dag}.py")
    shutil.copy(ROOT / "airflow" / "requirements.txt", folder)
    with ZipFile(folder / "plugins.zip", "w", ZIP_DEFLATED) as plugins:
        # Airflow imports each file below plugins/ that is not ignored, as a plugin
        plugins.writestr(".airflowignore", "".join(f"{package}/\n" for package in PACKAGES))
        for package in PACKAGES:
            for file in sorted((ROOT / package).rglob("*.py")):
                plugins.write(file, file.relative_to(ROOT))
    values = settings.environment()
    values["MYSQL_URL"] = re.sub(r"//[^@/]*@", "//", values["MYSQL_URL"])
    values["SPARK_REMOTE"] = re.sub(r";token=[^;]*", "", values["SPARK_REMOTE"])
    exports = [f"export {name}={shlex.quote(values[name])}" for name in SETTINGS]
    (folder / "startup.sh").write_text("\n".join(["#!/bin/sh", *exports, ""]))


if __name__ == "__main__":
    make(settings.load(), Path(sys.argv[1]))
